-- filo, mysql

SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = %s;
SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = %s;
CREATE TABLE IF NOT EXISTS `pq_meta` (name VARCHAR(255) PRIMARY KEY, version BIGINT NOT NULL, marks BIGINT NOT NULL, expired BIGINT NOT NULL, returned BIGINT NOT NULL) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE IF NOT EXISTS `filo_queue_x` (_id BIGINT PRIMARY KEY AUTO_INCREMENT, data LONGBLOB, timestamp DOUBLE, crc BIGINT, owner BIGINT, KEY `pq_claim_filo_queue_x` (owner, _id)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE IF NOT EXISTS `pq_dead_filo_queue_x` (id BIGINT PRIMARY KEY, data LONGBLOB, timestamp DOUBLE, priority BIGINT, crc BIGINT, attempts BIGINT, failed_at DOUBLE, reason LONGTEXT) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
DELETE FROM `pq_meta` WHERE name = %s;
INSERT INTO `pq_meta` (name, version, marks, expired, returned) VALUES (%s, %s, 0, 0, 0) ON DUPLICATE KEY UPDATE name = name;

-- age
SELECT (UNIX_TIMESTAMP(NOW(6)) + 0e0) - timestamp FROM `filo_queue_x` WHERE _id = %s;

-- all
SELECT _id, data, timestamp, crc FROM `filo_queue_x` WHERE _id > %s ORDER BY _id LIMIT 256;

-- any
SELECT (SELECT _id FROM `filo_queue_x` WHERE owner IS NULL ORDER BY _id DESC LIMIT 1) IS NOT NULL;

-- any_beyond
SELECT EXISTS (SELECT 1 FROM `filo_queue_x` WHERE owner IS NULL AND _id > %s);

-- back
INSERT INTO `filo_queue_x` (_id, data, timestamp, crc) SELECT id, data, timestamp, crc FROM `pq_dead_filo_queue_x` WHERE id = %s ON DUPLICATE KEY UPDATE `filo_queue_x`._id = `filo_queue_x`._id;

-- bound
SELECT marks FROM `pq_meta` WHERE name = %s FOR UPDATE;

-- bury
INSERT INTO `pq_dead_filo_queue_x` (id, data, timestamp, crc, priority, attempts, failed_at, reason) VALUES (%s, %s, %s, %s, %s, 1, (UNIX_TIMESTAMP(NOW(6)) + 0e0), %s);

-- by_id
SELECT _id, data, timestamp, crc FROM `filo_queue_x` WHERE owner IS NULL AND _id = %s FOR UPDATE SKIP LOCKED;

-- changes
SELECT (SELECT _id FROM `filo_queue_x` WHERE owner IS NULL ORDER BY _id DESC LIMIT 1), max(_id), min(_id) FROM `filo_queue_x`;

-- claim
UPDATE `filo_queue_x` SET owner = %s WHERE _id = %s;

-- claimed
SELECT count(*) FROM `filo_queue_x` WHERE owner IS NOT NULL;

-- clear
DELETE FROM `filo_queue_x` WHERE owner IS NULL;

-- count
SELECT count(*) FROM `filo_queue_x` WHERE owner IS NULL;

-- count_dead
SELECT count(*) FROM `pq_dead_filo_queue_x`;

-- dead
SELECT id, reason, data, attempts, failed_at FROM `pq_dead_filo_queue_x` ORDER BY failed_at, id;

-- dead_ids
SELECT id FROM `pq_dead_filo_queue_x`;

-- dead_one
SELECT id FROM `pq_dead_filo_queue_x` WHERE id = %s FOR UPDATE;

-- delete
DELETE FROM `filo_queue_x` WHERE _id = %s;

-- delete_all
DELETE FROM `filo_queue_x` WHERE _id = %s;

-- delete_run
DELETE FROM `filo_queue_x` WHERE _id BETWEEN %s AND %s;

-- exists
SELECT 1 FROM `filo_queue_x` WHERE _id = %s;

-- forget
DELETE FROM `pq_dead_filo_queue_x` WHERE id = %s;

-- insert
INSERT INTO `filo_queue_x` (data, timestamp, crc) VALUES (%s, (UNIX_TIMESTAMP(NOW(6)) + 0e0), %s);

-- insert_all
INSERT INTO `filo_queue_x` (data, timestamp, crc) VALUES (%s, (UNIX_TIMESTAMP(NOW(6)) + 0e0), %s);

-- insert_new
INSERT INTO `filo_queue_x` (data, timestamp, crc) VALUES (%s, (UNIX_TIMESTAMP(NOW(6)) + 0e0), %s) ON DUPLICATE KEY UPDATE _id = _id;

-- last_id
-- not needed

-- next
SELECT _id, data, timestamp, crc FROM `filo_queue_x` WHERE owner IS NULL ORDER BY _id DESC LIMIT %s FOR UPDATE SKIP LOCKED;

-- next_beyond
SELECT _id, data, timestamp, crc FROM `filo_queue_x` WHERE owner IS NULL AND _id > %s ORDER BY _id DESC LIMIT %s;

-- oldest
SELECT min(_id) FROM `filo_queue_x`;

-- owners
SELECT DISTINCT owner FROM `filo_queue_x` WHERE owner IS NOT NULL;

-- page
SELECT _id, data, timestamp, crc FROM `filo_queue_x` WHERE owner IS NULL AND _id < %s ORDER BY _id DESC LIMIT 256;

-- peek
SELECT _id, data, timestamp, crc FROM `filo_queue_x` WHERE owner IS NULL ORDER BY _id DESC LIMIT 1;

-- release
UPDATE `filo_queue_x` SET owner = NULL WHERE owner = %s;

-- return
UPDATE `pq_meta` SET returned = returned + 1 WHERE name = %s;

-- returned
SELECT returned FROM `pq_meta` WHERE name = %s;

-- same
-- not needed

-- some
SELECT count(*) FROM (SELECT 1 FROM `filo_queue_x` WHERE owner IS NULL ORDER BY _id DESC LIMIT %s) AS few;

-- span
SELECT max(_id) - min(_id) + 1 FROM `filo_queue_x`;

-- take
DELETE FROM `filo_queue_x` WHERE _id = (SELECT _id FROM `filo_queue_x` WHERE owner IS NULL ORDER BY _id DESC LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING _id, data, timestamp, crc;

-- total
SELECT count(*) FROM `filo_queue_x`;

-- unclaim
DELETE FROM `filo_queue_x` WHERE _id = %s AND owner = %s;

-- update
UPDATE `filo_queue_x` SET data = %s, crc = %s WHERE _id = %s;

-- upsert
INSERT INTO `filo_queue_x` (data, timestamp, crc) VALUES (%s, (UNIX_TIMESTAMP(NOW(6)) + 0e0), %s) ON DUPLICATE KEY UPDATE _id = LAST_INSERT_ID(_id);
