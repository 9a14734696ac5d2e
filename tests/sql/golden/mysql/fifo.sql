-- fifo, mysql

-- the plans, and what each may say
-- all_rows: all
-- any: any
-- any_beyond: returned, last, new, certain, first, beyond, any
-- bury: by_id, delete, bury
-- changes: changes
-- clear: clear
-- count: count
-- dead_letters: dead
-- hold: returned, last, new, certain, first, beyond, next, delete, bury, claim
-- hold_id: by_id, exists, delete, bury, claim
-- owners: owners
-- page: page
-- peek: peek
-- put: insert
-- put_back: put_back, return
-- put_many: bound, span, some, upsert, insert_new, insert_all, insert
-- put_part: insert_all
-- redrive: dead_ids, dead_one, back, forget, return
-- release: release, return
-- settle: unclaim, delete
-- stats: count, claimed, count_dead, oldest, age
-- take: next, delete, bury
-- take_id: by_id, exists, delete, bury
-- take_many: next, delete, bury, delete_run, delete_all
-- total: total
-- unhold: unhold, return
-- unhold_lost: held, unhold
-- update: exists, update

-- the tables
SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = %s;
SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = %s;
CREATE TABLE IF NOT EXISTS `pq_meta` (name VARCHAR(255) PRIMARY KEY, version BIGINT NOT NULL, marks BIGINT NOT NULL, expired BIGINT NOT NULL, returned BIGINT NOT NULL) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE IF NOT EXISTS `queue_x` (_id BIGINT PRIMARY KEY AUTO_INCREMENT, data LONGBLOB, timestamp DOUBLE, crc BIGINT, owner BIGINT, KEY `pq_claim_queue_x` (owner, _id)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE IF NOT EXISTS `pq_dead_queue_x` (id BIGINT PRIMARY KEY, data LONGBLOB, timestamp DOUBLE, priority BIGINT, crc BIGINT, attempts BIGINT, failed_at DOUBLE, reason LONGTEXT) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `pq_meta` (name, version, marks, expired, returned) VALUES (%s, %s, 0, 0, 0) ON DUPLICATE KEY UPDATE name = name;

-- mark
UPDATE `pq_meta` SET marks = marks + 1 WHERE name = %s;

-- age
SELECT (UNIX_TIMESTAMP(NOW(6)) + 0e0) - timestamp FROM `queue_x` WHERE _id = %s;

-- all
SELECT _id, data, timestamp, crc FROM `queue_x` WHERE _id > %s ORDER BY _id LIMIT 256;

-- any
SELECT (SELECT _id FROM `queue_x` WHERE owner IS NULL ORDER BY _id LIMIT 1) IS NOT NULL;

-- back
INSERT INTO `queue_x` (_id, data, timestamp, crc) SELECT id, data, timestamp, crc FROM `pq_dead_queue_x` WHERE id = %s ON DUPLICATE KEY UPDATE `queue_x`._id = `queue_x`._id;

-- beyond
SELECT _id, data, timestamp, crc FROM `queue_x` WHERE owner IS NULL AND _id > %s ORDER BY _id LIMIT %s;

-- bound
SELECT marks FROM `pq_meta` WHERE name = %s FOR UPDATE;

-- bury
INSERT INTO `pq_dead_queue_x` (id, data, timestamp, crc, priority, attempts, failed_at, reason) VALUES (%s, %s, %s, %s, %s, 1, (UNIX_TIMESTAMP(NOW(6)) + 0e0), %s);

-- by_id
SELECT _id, data, timestamp, crc FROM `queue_x` WHERE owner IS NULL AND _id = %s FOR UPDATE SKIP LOCKED;

-- certain
SELECT _id, data, timestamp, crc FROM `queue_x` WHERE owner IS NULL AND _id = %s;

-- changes
SELECT CONCAT_WS(' ', (SELECT _id FROM `queue_x` WHERE owner IS NULL ORDER BY _id LIMIT 1), max(_id), min(_id)) FROM `queue_x`;

-- claim
UPDATE `queue_x` SET owner = %s WHERE _id = %s;

-- claimed
SELECT count(*) FROM `queue_x` WHERE owner IS NOT NULL;

-- clear
DELETE FROM `queue_x` WHERE owner IS NULL;

-- count
SELECT count(*) FROM `queue_x` WHERE owner IS NULL;

-- count_dead
SELECT count(*) FROM `pq_dead_queue_x`;

-- dead
SELECT id, reason, data, attempts, failed_at FROM `pq_dead_queue_x` ORDER BY failed_at, id;

-- dead_ids
SELECT id FROM `pq_dead_queue_x`;

-- dead_one
SELECT id FROM `pq_dead_queue_x` WHERE id = %s FOR UPDATE;

-- delete
DELETE FROM `queue_x` WHERE _id = %s;

-- delete_all
DELETE FROM `queue_x` WHERE _id = %s;

-- delete_run
DELETE FROM `queue_x` WHERE _id BETWEEN %s AND %s;

-- exists
SELECT 1 FROM `queue_x` WHERE _id = %s;

-- first
SELECT _id, data, timestamp, crc FROM `queue_x` WHERE owner IS NULL ORDER BY _id LIMIT %s;

-- forget
DELETE FROM `pq_dead_queue_x` WHERE id = %s;

-- held
SELECT _id FROM `queue_x` WHERE _id = %s AND owner = %s FOR UPDATE SKIP LOCKED;

-- insert
INSERT INTO `queue_x` (data, timestamp, crc) VALUES (%s, (UNIX_TIMESTAMP(NOW(6)) + 0e0), %s);

-- insert_all
INSERT INTO `queue_x` (data, timestamp, crc) VALUES (%s, (UNIX_TIMESTAMP(NOW(6)) + 0e0), %s);

-- insert_new
INSERT INTO `queue_x` (data, timestamp, crc) VALUES (%s, (UNIX_TIMESTAMP(NOW(6)) + 0e0), %s) ON DUPLICATE KEY UPDATE _id = _id;

-- last
SELECT max(_id) FROM `queue_x`;

-- new
SELECT _id, 0 FROM `queue_x` WHERE _id > %s ORDER BY _id LIMIT 65;

-- next
SELECT _id, data, timestamp, crc FROM `queue_x` WHERE owner IS NULL ORDER BY _id LIMIT %s FOR UPDATE SKIP LOCKED;

-- oldest
SELECT min(_id) FROM `queue_x`;

-- owners
SELECT DISTINCT owner FROM `queue_x` WHERE owner IS NOT NULL;

-- page
SELECT _id, data, timestamp, crc FROM `queue_x` WHERE owner IS NULL AND _id > %s ORDER BY _id LIMIT 256;

-- peek
SELECT _id, data, timestamp, crc FROM `queue_x` WHERE owner IS NULL ORDER BY _id LIMIT 1;

-- put_back
INSERT INTO `queue_x` (_id, data, timestamp, crc) VALUES (%s, %s, %s, %s) ON DUPLICATE KEY UPDATE _id = _id;

-- release
UPDATE `queue_x` SET owner = NULL WHERE owner = %s;

-- return
UPDATE `pq_meta` SET returned = returned + 1 WHERE name = %s;

-- returned
SELECT returned FROM `pq_meta` WHERE name = %s;

-- some
SELECT count(*) FROM (SELECT 1 FROM `queue_x` WHERE owner IS NULL ORDER BY _id LIMIT %s) AS few;

-- span
SELECT max(_id) - min(_id) + 1 FROM `queue_x`;

-- total
SELECT count(*) FROM `queue_x`;

-- unclaim
DELETE FROM `queue_x` WHERE _id = %s AND owner = %s;

-- unhold
UPDATE `queue_x` SET owner = NULL WHERE _id = %s AND owner = %s;

-- update
UPDATE `queue_x` SET data = %s, crc = %s WHERE _id = %s;

-- upsert
INSERT INTO `queue_x` (data, timestamp, crc) VALUES (%s, (UNIX_TIMESTAMP(NOW(6)) + 0e0), %s) ON DUPLICATE KEY UPDATE _id = LAST_INSERT_ID(_id);
