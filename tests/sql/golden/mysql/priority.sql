-- priority, mysql: as fifo.sql with other names of tables, but for this

-- the plans, and what each may say
-- all_rows: all
-- any: any
-- any_beyond: returned, last, new, certain, first, beyond, later, any
-- bury: by_id, delete, bury
-- changes: changes
-- clear: clear
-- count: count
-- dead_letters: dead
-- hold: returned, last, new, certain, first, beyond, later, next, delete, bury, claim
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
CREATE TABLE IF NOT EXISTS `priority_queue_x` (_id BIGINT PRIMARY KEY AUTO_INCREMENT, data LONGBLOB, timestamp DOUBLE, crc BIGINT, priority BIGINT, owner BIGINT, KEY `pq_claim_priority_queue_x` (owner, priority, _id)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE IF NOT EXISTS `pq_dead_priority_queue_x` (id BIGINT PRIMARY KEY, data LONGBLOB, timestamp DOUBLE, priority BIGINT, crc BIGINT, attempts BIGINT, failed_at DOUBLE, reason LONGTEXT) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `pq_meta` (name, version, marks, expired, returned) VALUES (%s, %s, 0, 0, 0) ON DUPLICATE KEY UPDATE name = name;

-- all
SELECT _id, data, timestamp, crc, priority FROM `priority_queue_x` WHERE _id > %s ORDER BY _id LIMIT 256;

-- any
SELECT (SELECT _id FROM `priority_queue_x` WHERE owner IS NULL ORDER BY priority, _id LIMIT 1) IS NOT NULL;

-- back
INSERT INTO `priority_queue_x` (_id, data, timestamp, crc, priority) SELECT id, data, timestamp, crc, priority FROM `pq_dead_priority_queue_x` WHERE id = %s ON DUPLICATE KEY UPDATE `priority_queue_x`._id = `priority_queue_x`._id;

-- beyond
SELECT _id, data, timestamp, crc, priority FROM `priority_queue_x` WHERE owner IS NULL AND priority = %s AND _id > %s ORDER BY priority, _id LIMIT %s;

-- by_id
SELECT _id, data, timestamp, crc, priority FROM `priority_queue_x` WHERE owner IS NULL AND _id = %s FOR UPDATE SKIP LOCKED;

-- certain
SELECT _id, data, timestamp, crc, priority FROM `priority_queue_x` WHERE owner IS NULL AND _id = %s;

-- changes
SELECT CONCAT_WS(' ', (SELECT _id FROM `priority_queue_x` WHERE owner IS NULL ORDER BY priority, _id LIMIT 1), max(_id), min(_id)) FROM `priority_queue_x`;

-- first
SELECT _id, data, timestamp, crc, priority FROM `priority_queue_x` WHERE owner IS NULL ORDER BY priority, _id LIMIT %s;

-- insert
INSERT INTO `priority_queue_x` (data, timestamp, crc, priority) VALUES (%s, (UNIX_TIMESTAMP(NOW(6)) + 0e0), %s, %s);

-- insert_all
INSERT INTO `priority_queue_x` (data, timestamp, crc, priority) VALUES (%s, (UNIX_TIMESTAMP(NOW(6)) + 0e0), %s, %s);

-- insert_new
INSERT INTO `priority_queue_x` (data, timestamp, crc, priority) VALUES (%s, (UNIX_TIMESTAMP(NOW(6)) + 0e0), %s, %s) ON DUPLICATE KEY UPDATE _id = _id;

-- later
SELECT _id, data, timestamp, crc, priority FROM `priority_queue_x` WHERE owner IS NULL AND priority > %s ORDER BY priority, _id LIMIT %s;

-- new
SELECT _id, priority FROM `priority_queue_x` WHERE _id > %s ORDER BY _id LIMIT 65;

-- next
SELECT _id, data, timestamp, crc, priority FROM `priority_queue_x` WHERE owner IS NULL ORDER BY priority, _id LIMIT %s FOR UPDATE SKIP LOCKED;

-- page
SELECT _id, data, timestamp, crc, priority FROM `priority_queue_x` WHERE owner IS NULL AND (priority > %s OR (priority = %s AND _id > %s)) ORDER BY priority, _id LIMIT 256;

-- peek
SELECT _id, data, timestamp, crc, priority FROM `priority_queue_x` WHERE owner IS NULL ORDER BY priority, _id LIMIT 1;

-- put_back
INSERT INTO `priority_queue_x` (_id, data, timestamp, crc, priority) VALUES (%s, %s, %s, %s, %s) ON DUPLICATE KEY UPDATE _id = _id;

-- some
SELECT count(*) FROM (SELECT 1 FROM `priority_queue_x` WHERE owner IS NULL ORDER BY priority, _id LIMIT %s) AS few;

-- upsert
INSERT INTO `priority_queue_x` (data, timestamp, crc, priority) VALUES (%s, (UNIX_TIMESTAMP(NOW(6)) + 0e0), %s, %s) ON DUPLICATE KEY UPDATE _id = LAST_INSERT_ID(_id);
