-- filo, mysql: as fifo.sql with other names of tables, but for this

-- beyond
SELECT _id, data, timestamp, crc FROM `filo_queue_x` WHERE _id NOT IN (SELECT id FROM `pq_claims_filo_queue_x`) AND _id < %s ORDER BY _id DESC LIMIT %s;

-- first
SELECT _id, data, timestamp, crc FROM `filo_queue_x` WHERE _id NOT IN (SELECT id FROM `pq_claims_filo_queue_x`) ORDER BY _id DESC LIMIT %s;

-- next
SELECT _id, data, timestamp, crc FROM `filo_queue_x` WHERE _id NOT IN (SELECT id FROM `pq_claims_filo_queue_x`) ORDER BY _id DESC LIMIT %s FOR UPDATE SKIP LOCKED;

-- page
SELECT _id, data, timestamp, crc FROM `filo_queue_x` WHERE _id NOT IN (SELECT id FROM `pq_claims_filo_queue_x`) AND _id < %s ORDER BY _id DESC LIMIT 256;

-- peek
SELECT _id, data, timestamp, crc FROM `filo_queue_x` WHERE _id NOT IN (SELECT id FROM `pq_claims_filo_queue_x`) ORDER BY _id DESC LIMIT 1;
