-- priority, mysql: as fifo.sql with other names of tables, but for this

-- the plans, and what each may say
-- all_rows: all
-- any: any
-- any_beyond: returned, last, new, certain, first, beyond, later, any
-- bury: by_id, delete, bury
-- clear: clear
-- count: count
-- dead_letters: dead
-- hold: returned, last, new, certain, first, beyond, later, next, delete, bury, claim
-- hold_id: by_id, exists, delete, bury, claim
-- owners: owners
-- page: page
-- peek: peek
-- put: insert
-- put_many: span, some, insert_new, same, insert_all, insert
-- redrive: dead_ids, back, forget, return
-- release: release, return
-- settle: unclaim, delete
-- stats: count, claimed, count_dead, oldest, age
-- take: next, delete, bury
-- take_id: by_id, exists, delete, bury
-- take_many: next, delete, bury, delete_run, delete_all
-- total: total
-- update: update

-- the tables
SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = %s;
SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = %s;
CREATE TABLE IF NOT EXISTS `pq_meta` (name VARCHAR(255) PRIMARY KEY, version BIGINT NOT NULL, marks BIGINT NOT NULL, expired BIGINT NOT NULL, returned BIGINT NOT NULL) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE `priority_queue_x` (_id BIGINT PRIMARY KEY AUTO_INCREMENT, data LONGBLOB, timestamp DOUBLE, priority BIGINT, crc BIGINT) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE INDEX `pq_order_priority_queue_x` ON `priority_queue_x` (priority, _id);
CREATE TABLE `pq_claims_priority_queue_x` (id BIGINT PRIMARY KEY, owner BIGINT NOT NULL) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE INDEX `pq_owner_priority_queue_x` ON `pq_claims_priority_queue_x` (owner);
CREATE TABLE `pq_dead_priority_queue_x` (id BIGINT PRIMARY KEY, data LONGBLOB, timestamp DOUBLE, priority BIGINT, crc BIGINT, attempts BIGINT, failed_at DOUBLE, reason LONGTEXT) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `pq_meta` (version, name, marks, expired, returned) VALUES (%s, %s, 0, 0, 0);

-- all
SELECT _id, data, timestamp, crc, priority FROM `priority_queue_x` WHERE _id > %s ORDER BY _id LIMIT 256;

-- back
INSERT IGNORE INTO `priority_queue_x` (_id, data, timestamp, crc, priority) SELECT id, data, timestamp, crc, priority FROM `pq_dead_priority_queue_x` WHERE id = %s;

-- beyond
SELECT _id, data, timestamp, crc, priority FROM `priority_queue_x` WHERE _id NOT IN (SELECT id FROM `pq_claims_priority_queue_x`) AND priority = %s AND _id > %s ORDER BY priority, _id LIMIT %s;

-- by_id
SELECT _id, data, timestamp, crc, priority FROM `priority_queue_x` WHERE _id NOT IN (SELECT id FROM `pq_claims_priority_queue_x`) AND _id = %s FOR UPDATE SKIP LOCKED;

-- certain
SELECT _id, data, timestamp, crc, priority FROM `priority_queue_x` WHERE _id NOT IN (SELECT id FROM `pq_claims_priority_queue_x`) AND _id = %s;

-- first
SELECT _id, data, timestamp, crc, priority FROM `priority_queue_x` WHERE _id NOT IN (SELECT id FROM `pq_claims_priority_queue_x`) ORDER BY priority, _id LIMIT %s;

-- insert
INSERT INTO `priority_queue_x` (data, timestamp, crc, priority) VALUES (%s, UNIX_TIMESTAMP(NOW(6)), %s, %s);

-- insert_all
INSERT INTO `priority_queue_x` (data, timestamp, crc, priority) VALUES (%s, UNIX_TIMESTAMP(NOW(6)), %s, %s);

-- insert_new
INSERT IGNORE INTO `priority_queue_x` (data, timestamp, crc, priority) VALUES (%s, UNIX_TIMESTAMP(NOW(6)), %s, %s);

-- later
SELECT _id, data, timestamp, crc, priority FROM `priority_queue_x` WHERE _id NOT IN (SELECT id FROM `pq_claims_priority_queue_x`) AND priority > %s ORDER BY priority, _id LIMIT %s;

-- new
SELECT _id, priority FROM `priority_queue_x` WHERE _id > %s ORDER BY _id LIMIT 65;

-- next
SELECT _id, data, timestamp, crc, priority FROM `priority_queue_x` WHERE _id NOT IN (SELECT id FROM `pq_claims_priority_queue_x`) ORDER BY priority, _id LIMIT %s FOR UPDATE SKIP LOCKED;

-- page
SELECT _id, data, timestamp, crc, priority FROM `priority_queue_x` WHERE _id NOT IN (SELECT id FROM `pq_claims_priority_queue_x`) AND (priority > %s OR (priority = %s AND _id > %s)) ORDER BY priority, _id LIMIT 256;

-- peek
SELECT _id, data, timestamp, crc, priority FROM `priority_queue_x` WHERE _id NOT IN (SELECT id FROM `pq_claims_priority_queue_x`) ORDER BY priority, _id LIMIT 1;
