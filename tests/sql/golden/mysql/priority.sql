-- priority, mysql

SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = %s;
SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = %s;
CREATE TABLE IF NOT EXISTS `pq_meta` (name VARCHAR(255) PRIMARY KEY, version BIGINT NOT NULL, marks BIGINT NOT NULL, expired BIGINT NOT NULL, returned BIGINT NOT NULL) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE `priority_queue_x` (_id BIGINT PRIMARY KEY AUTO_INCREMENT, data LONGBLOB, timestamp DOUBLE, priority BIGINT, crc BIGINT) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE INDEX `pq_order_priority_queue_x` ON `priority_queue_x` (priority, _id);
CREATE TABLE `pq_claims_priority_queue_x` (id BIGINT PRIMARY KEY, owner BIGINT NOT NULL) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE INDEX `pq_owner_priority_queue_x` ON `pq_claims_priority_queue_x` (owner);
CREATE TABLE `pq_dead_priority_queue_x` (id BIGINT PRIMARY KEY, data LONGBLOB, timestamp DOUBLE, priority BIGINT, crc BIGINT, attempts BIGINT, failed_at DOUBLE, reason LONGTEXT) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `pq_meta` (version, name, marks, expired, returned) VALUES (%s, %s, 0, 0, 0);

-- age
SELECT UNIX_TIMESTAMP(NOW(6)) - timestamp FROM `priority_queue_x` WHERE _id = %s;

-- all
SELECT _id, data, timestamp, crc, priority FROM `priority_queue_x` WHERE _id > %s ORDER BY _id LIMIT 256;

-- any
SELECT EXISTS (SELECT 1 FROM `priority_queue_x` WHERE _id NOT IN (SELECT id FROM `pq_claims_priority_queue_x`));

-- back
INSERT IGNORE INTO `priority_queue_x` (_id, data, timestamp, crc, priority) SELECT id, data, timestamp, crc, priority FROM `pq_dead_priority_queue_x` WHERE id = %s;

-- bury
INSERT INTO `pq_dead_priority_queue_x` (id, data, timestamp, crc, priority, attempts, failed_at, reason) VALUES (%s, %s, %s, %s, %s, 1, UNIX_TIMESTAMP(NOW(6)), %s);

-- by_id
SELECT _id, data, timestamp, crc, priority FROM `priority_queue_x` WHERE _id NOT IN (SELECT id FROM `pq_claims_priority_queue_x`) AND _id = %s FOR UPDATE SKIP LOCKED;

-- claim
INSERT INTO `pq_claims_priority_queue_x` (id, owner) VALUES (%s, %s);

-- claimed
SELECT count(*) FROM `pq_claims_priority_queue_x`;

-- clear
DELETE FROM `priority_queue_x` WHERE _id NOT IN (SELECT id FROM `pq_claims_priority_queue_x`);

-- count
SELECT (SELECT count(*) FROM `priority_queue_x`) - (SELECT count(*) FROM `pq_claims_priority_queue_x`);

-- count_dead
SELECT count(*) FROM `pq_dead_priority_queue_x`;

-- dead
SELECT id, reason, data, attempts, failed_at FROM `pq_dead_priority_queue_x` ORDER BY failed_at, id;

-- dead_ids
SELECT id FROM `pq_dead_priority_queue_x`;

-- delete
DELETE FROM `priority_queue_x` WHERE _id = %s;

-- delete_all
DELETE FROM `priority_queue_x` WHERE _id = %s;

-- delete_run
DELETE FROM `priority_queue_x` WHERE _id BETWEEN %s AND %s;

-- exists
SELECT 1 FROM `priority_queue_x` WHERE _id = %s;

-- forget
DELETE FROM `pq_dead_priority_queue_x` WHERE id = %s;

-- insert
INSERT INTO `priority_queue_x` (data, timestamp, crc, priority) VALUES (%s, UNIX_TIMESTAMP(NOW(6)), %s, %s);

-- insert_all
INSERT INTO `priority_queue_x` (data, timestamp, crc, priority) VALUES (%s, UNIX_TIMESTAMP(NOW(6)), %s, %s);

-- insert_new
INSERT IGNORE INTO `priority_queue_x` (data, timestamp, crc, priority) VALUES (%s, UNIX_TIMESTAMP(NOW(6)), %s, %s);

-- last_id
-- not needed

-- next
SELECT _id, data, timestamp, crc, priority FROM `priority_queue_x` WHERE _id NOT IN (SELECT id FROM `pq_claims_priority_queue_x`) ORDER BY priority, _id LIMIT %s FOR UPDATE SKIP LOCKED;

-- oldest
SELECT min(_id) FROM `priority_queue_x`;

-- owners
SELECT DISTINCT owner FROM `pq_claims_priority_queue_x`;

-- page
SELECT _id, data, timestamp, crc, priority FROM `priority_queue_x` WHERE _id NOT IN (SELECT id FROM `pq_claims_priority_queue_x`) AND (priority > %s OR (priority = %s AND _id > %s)) ORDER BY priority, _id LIMIT 256;

-- peek
SELECT _id, data, timestamp, crc, priority FROM `priority_queue_x` WHERE _id NOT IN (SELECT id FROM `pq_claims_priority_queue_x`) ORDER BY priority, _id LIMIT 1;

-- release
DELETE FROM `pq_claims_priority_queue_x` WHERE owner = %s;

-- return
UPDATE `pq_meta` SET returned = returned + 1 WHERE name = %s;

-- same
SELECT _id FROM `priority_queue_x` WHERE data = %s;

-- some
SELECT count(*) FROM (SELECT 1 FROM `priority_queue_x` WHERE _id NOT IN (SELECT id FROM `pq_claims_priority_queue_x`) LIMIT %s) AS some;

-- span
SELECT max(_id) - min(_id) + 1 FROM `priority_queue_x`;

-- take
DELETE FROM `priority_queue_x` WHERE _id = (SELECT _id FROM `priority_queue_x` WHERE _id NOT IN (SELECT id FROM `pq_claims_priority_queue_x`) ORDER BY priority, _id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING _id, data, timestamp, crc, priority;

-- total
SELECT count(*) FROM `priority_queue_x`;

-- unclaim
DELETE FROM `pq_claims_priority_queue_x` WHERE id = %s AND owner = %s;

-- update
UPDATE `priority_queue_x` SET data = %s, crc = %s WHERE _id = %s;
