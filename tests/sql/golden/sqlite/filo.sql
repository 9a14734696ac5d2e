-- filo, sqlite: as fifo.sql with other names of tables, but for this

-- any
SELECT (SELECT _id FROM "filo_queue_x" WHERE _id NOT IN (SELECT id FROM "pq_claims_filo_queue_x") ORDER BY _id DESC LIMIT 1) IS NOT NULL;

-- beyond
SELECT _id, data, timestamp, crc FROM "filo_queue_x" WHERE _id NOT IN (SELECT id FROM "pq_claims_filo_queue_x") AND _id < ? ORDER BY _id DESC LIMIT ?;

-- first
SELECT _id, data, timestamp, crc FROM "filo_queue_x" WHERE _id NOT IN (SELECT id FROM "pq_claims_filo_queue_x") ORDER BY _id DESC LIMIT ?;

-- next
SELECT _id, data, timestamp, crc FROM "filo_queue_x" WHERE _id NOT IN (SELECT id FROM "pq_claims_filo_queue_x") ORDER BY _id DESC LIMIT ?;

-- page
SELECT _id, data, timestamp, crc FROM "filo_queue_x" WHERE _id NOT IN (SELECT id FROM "pq_claims_filo_queue_x") AND _id < ? ORDER BY _id DESC LIMIT 256;

-- peek
SELECT _id, data, timestamp, crc FROM "filo_queue_x" WHERE _id NOT IN (SELECT id FROM "pq_claims_filo_queue_x") ORDER BY _id DESC LIMIT 1;

-- some
SELECT count(*) FROM (SELECT 1 FROM "filo_queue_x" WHERE _id NOT IN (SELECT id FROM "pq_claims_filo_queue_x") ORDER BY _id DESC LIMIT ?) AS few;
