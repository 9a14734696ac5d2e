-- ack, mysql

-- the plans, and what each may say
-- ack: ack
-- ack_many: ack
-- ack_token: ack_token
-- adopt: adopt
-- all_rows: all
-- any: any
-- bury: fail
-- claim: first, claim_one
-- claim_beyond: beyond, claim_all
-- claim_id: by_id, claim_all, status
-- claim_many: next, claim_all
-- clear: clear, clear_states
-- count: count
-- count_of: count_of
-- dead_letters: dead
-- equal: equal
-- expired: expired
-- extend: extend
-- fail: held, fail
-- mine: mine
-- nack: held, fail, give_back, give_back_now
-- next_due: next_due
-- owners: owners
-- page: page
-- peek: peek
-- put: insert, add
-- put_many: some, insert_all, add_all, insert, add
-- put_new: some, same, insert, add, drop, drop_item, redrive
-- put_timed: some, keyed, update, retime, same, drop, drop_item, redrive, insert, add_timed
-- redrive: dead_ids, redrive
-- release: of_nobody, of_owner, fail, postpone, show
-- stats: counts, oldest
-- status: status
-- tend: due, fail, postpone, show, drop, drop_item, count_expired
-- total: total
-- trim: kept, trim_items, trim_states
-- update: update

-- the tables
SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = %s;
SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = %s;
CREATE TABLE IF NOT EXISTS `pq_meta` (name VARCHAR(255) PRIMARY KEY, version BIGINT NOT NULL, marks BIGINT NOT NULL, expired BIGINT NOT NULL, returned BIGINT NOT NULL) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE `ack_queue_x` (_id BIGINT PRIMARY KEY AUTO_INCREMENT, data LONGBLOB, timestamp DOUBLE, status BIGINT, crc BIGINT) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE `pq_state_ack_queue_x` (id BIGINT PRIMARY KEY, status BIGINT NOT NULL, priority BIGINT NOT NULL, due DOUBLE, expires DOUBLE, attempts BIGINT NOT NULL, token BIGINT NOT NULL, owner BIGINT, changed DOUBLE, dedupe_key VARCHAR(255), reason LONGTEXT) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE INDEX `pq_ready_ack_queue_x` ON `pq_state_ack_queue_x` (status, priority, id, due);
CREATE INDEX `pq_leased_ack_queue_x` ON `pq_state_ack_queue_x` (owner);
CREATE INDEX `pq_settled_ack_queue_x` ON `pq_state_ack_queue_x` (status, id);
CREATE INDEX `pq_due_ack_queue_x` ON `pq_state_ack_queue_x` (due);
CREATE INDEX `pq_key_ack_queue_x` ON `pq_state_ack_queue_x` (dedupe_key);
INSERT INTO `pq_state_ack_queue_x` (id, status, priority, attempts, token) SELECT _id, CASE WHEN status IN (2, 5, 9) THEN status ELSE 1 END, 0, 0, 0 FROM `ack_queue_x`;
INSERT INTO `pq_meta` (version, name, marks, expired, returned) VALUES (%s, %s, 0, 0, 0);

-- mark
UPDATE `pq_meta` SET marks = marks + 1 WHERE name = %s;

-- ack
UPDATE `pq_state_ack_queue_x` SET status = 5, due = NULL, expires = NULL WHERE id = %s AND status = 2 AND owner = %s;

-- ack_token
UPDATE `pq_state_ack_queue_x` SET status = 5, due = NULL, expires = NULL WHERE id = %s AND status = 2 AND owner = %s AND token = %s;

-- add
INSERT INTO `pq_state_ack_queue_x` (id, status, priority, attempts, token) VALUES (%s, 1, %s, 0, 0);

-- add_all
INSERT INTO `pq_state_ack_queue_x` (id, status, priority, attempts, token) VALUES (%s, 1, %s, 0, 0);

-- add_timed
INSERT INTO `pq_state_ack_queue_x` (id, status, priority, due, expires, attempts, token, dedupe_key) VALUES (%s, %s, %s, UNIX_TIMESTAMP(NOW(6)) + %s, UNIX_TIMESTAMP(NOW(6)) + %s, 0, 0, %s);

-- adopt
UPDATE `pq_state_ack_queue_x` SET owner = %s WHERE id = %s AND status = 2 AND token = %s;

-- all
SELECT id, data, timestamp, crc, `pq_state_ack_queue_x`.priority, `pq_state_ack_queue_x`.status FROM `pq_state_ack_queue_x` JOIN `ack_queue_x` ON `ack_queue_x`._id = `pq_state_ack_queue_x`.id WHERE id > %s ORDER BY id LIMIT 256;

-- any
SELECT EXISTS (SELECT 1 FROM `pq_state_ack_queue_x` WHERE status = 1 AND (due IS NULL OR due > UNIX_TIMESTAMP(NOW(6))));

-- beyond
SELECT id, data, timestamp, crc, token + 1, attempts + 1, NULL FROM `pq_state_ack_queue_x` JOIN `ack_queue_x` ON `ack_queue_x`._id = `pq_state_ack_queue_x`.id WHERE `pq_state_ack_queue_x`.status = 1 AND (due IS NULL OR due > UNIX_TIMESTAMP(NOW(6))) AND id > %s ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;

-- by_id
SELECT id, data, timestamp, crc, token + 1, attempts + 1, NULL FROM `pq_state_ack_queue_x` JOIN `ack_queue_x` ON `ack_queue_x`._id = `pq_state_ack_queue_x`.id WHERE `pq_state_ack_queue_x`.status = 1 AND (due IS NULL OR due > UNIX_TIMESTAMP(NOW(6))) AND id = %s FOR UPDATE SKIP LOCKED;

-- claim_all
UPDATE `pq_state_ack_queue_x` SET status = 2, attempts = attempts + 1, token = token + 1, owner = %s, due = UNIX_TIMESTAMP(NOW(6)) + %s WHERE id = %s;

-- claim_one
UPDATE `pq_state_ack_queue_x` SET status = 2, attempts = attempts + 1, token = token + 1, owner = %s, due = UNIX_TIMESTAMP(NOW(6)) + %s WHERE id = %s;

-- clear
DELETE FROM `ack_queue_x` WHERE _id IN (SELECT id FROM `pq_state_ack_queue_x` WHERE status IN (1, 3));

-- clear_states
DELETE FROM `pq_state_ack_queue_x` WHERE status IN (1, 3);

-- count
SELECT count(*) FROM `pq_state_ack_queue_x` WHERE status = 1;

-- count_expired
UPDATE `pq_meta` SET expired = expired + %s WHERE name = %s;

-- count_of, 2
SELECT count(*) FROM `pq_state_ack_queue_x` WHERE status = 2;

-- count_of, 5
SELECT count(*) FROM `pq_state_ack_queue_x` WHERE status = 5 AND status >= 5;

-- count_of, 9
SELECT count(*) FROM `pq_state_ack_queue_x` WHERE status = 9 AND status >= 5;

-- counts
SELECT status, count(*) FROM `pq_state_ack_queue_x` GROUP BY status;

-- dead
SELECT id, reason, data, attempts, changed FROM `pq_state_ack_queue_x` JOIN `ack_queue_x` ON `ack_queue_x`._id = `pq_state_ack_queue_x`.id WHERE `pq_state_ack_queue_x`.status = 9 AND `pq_state_ack_queue_x`.status >= 5 ORDER BY changed, id;

-- dead_ids
SELECT id FROM `pq_state_ack_queue_x` WHERE status = 9 AND status >= 5;

-- drop
DELETE FROM `pq_state_ack_queue_x` WHERE id = %s;

-- drop_item
DELETE FROM `ack_queue_x` WHERE _id = %s;

-- due
SELECT id, status, attempts, CASE WHEN expires <= UNIX_TIMESTAMP(NOW(6)) THEN 1 ELSE 0 END FROM `pq_state_ack_queue_x` WHERE due <= UNIX_TIMESTAMP(NOW(6)) ORDER BY due LIMIT 100;

-- equal
SELECT id FROM `pq_state_ack_queue_x` JOIN `ack_queue_x` ON `ack_queue_x`._id = `pq_state_ack_queue_x`.id WHERE `pq_state_ack_queue_x`.status = 2 AND owner = %s AND data = %s ORDER BY id LIMIT 1;

-- expired
SELECT expired FROM `pq_meta` WHERE name = %s;

-- extend
UPDATE `pq_state_ack_queue_x` SET due = UNIX_TIMESTAMP(NOW(6)) + %s WHERE id = %s AND status = 2 AND owner = %s AND token = %s;

-- fail
UPDATE `pq_state_ack_queue_x` SET status = 9, due = NULL, expires = NULL, changed = UNIX_TIMESTAMP(NOW(6)), reason = %s WHERE id = %s AND status < 5;

-- first
SELECT id, data, timestamp, crc, token + 1, attempts + 1, (SELECT min(due) FROM `pq_state_ack_queue_x` WHERE due IS NOT NULL), UNIX_TIMESTAMP(NOW(6)) FROM `pq_state_ack_queue_x` JOIN `ack_queue_x` ON `ack_queue_x`._id = `pq_state_ack_queue_x`.id WHERE `pq_state_ack_queue_x`.status = 1 AND (due IS NULL OR due > UNIX_TIMESTAMP(NOW(6))) ORDER BY priority, id LIMIT 1 FOR UPDATE SKIP LOCKED;

-- give_back
UPDATE `pq_state_ack_queue_x` SET status = %s, due = UNIX_TIMESTAMP(NOW(6)) + %s, owner = NULL WHERE id = %s;

-- give_back_now
UPDATE `pq_state_ack_queue_x` SET status = 1, due = expires, owner = NULL WHERE id = %s;

-- held
SELECT attempts, token FROM `pq_state_ack_queue_x` WHERE id = %s AND status = 2 AND owner = %s;

-- insert
INSERT INTO `ack_queue_x` (data, timestamp, status, crc) VALUES (%s, UNIX_TIMESTAMP(NOW(6)), 1, %s);

-- insert_all
INSERT INTO `ack_queue_x` (data, timestamp, status, crc) VALUES (%s, UNIX_TIMESTAMP(NOW(6)), 1, %s);

-- kept, 2
SELECT id FROM `pq_state_ack_queue_x` WHERE status = 2 ORDER BY id DESC LIMIT 1 OFFSET %s;

-- kept, 5
SELECT id FROM `pq_state_ack_queue_x` WHERE status = 5 AND status >= 5 ORDER BY id DESC LIMIT 1 OFFSET %s;

-- kept, 9
SELECT id FROM `pq_state_ack_queue_x` WHERE status = 9 AND status >= 5 ORDER BY id DESC LIMIT 1 OFFSET %s;

-- keyed
SELECT id, status, UNIX_TIMESTAMP(NOW(6)) - (SELECT timestamp FROM `ack_queue_x` WHERE `ack_queue_x`._id = `pq_state_ack_queue_x`.id) FROM `pq_state_ack_queue_x` WHERE dedupe_key = %s ORDER BY id DESC LIMIT 1;

-- mine
SELECT id, data, timestamp, crc FROM `pq_state_ack_queue_x` JOIN `ack_queue_x` ON `ack_queue_x`._id = `pq_state_ack_queue_x`.id WHERE `pq_state_ack_queue_x`.status = 2 AND owner = %s AND id > %s ORDER BY id LIMIT 256;

-- next
SELECT id, data, timestamp, crc, token + 1, attempts + 1, NULL FROM `pq_state_ack_queue_x` JOIN `ack_queue_x` ON `ack_queue_x`._id = `pq_state_ack_queue_x`.id WHERE `pq_state_ack_queue_x`.status = 1 AND (due IS NULL OR due > UNIX_TIMESTAMP(NOW(6))) ORDER BY priority, id LIMIT %s FOR UPDATE SKIP LOCKED;

-- next_due
SELECT min(due) FROM `pq_state_ack_queue_x` WHERE due IS NOT NULL;

-- of_nobody
SELECT id, attempts FROM `pq_state_ack_queue_x` WHERE status = 2 AND owner IS NULL;

-- of_owner
SELECT id, attempts FROM `pq_state_ack_queue_x` WHERE status = 2 AND owner = %s;

-- oldest
SELECT UNIX_TIMESTAMP(NOW(6)) - min(timestamp) FROM `ack_queue_x` WHERE _id = (SELECT min(id) FROM `pq_state_ack_queue_x` WHERE status = 1);

-- owners
SELECT DISTINCT owner FROM `pq_state_ack_queue_x` WHERE status = 2;

-- page
SELECT id, data, timestamp, crc, `pq_state_ack_queue_x`.priority, `pq_state_ack_queue_x`.status FROM `pq_state_ack_queue_x` JOIN `ack_queue_x` ON `ack_queue_x`._id = `pq_state_ack_queue_x`.id WHERE `pq_state_ack_queue_x`.status = 1 AND (due IS NULL OR due > UNIX_TIMESTAMP(NOW(6))) AND (priority > %s OR (priority = %s AND id > %s)) ORDER BY priority, id LIMIT 256;

-- peek
SELECT id, data, timestamp, crc, token + 1, attempts + 1, NULL FROM `pq_state_ack_queue_x` JOIN `ack_queue_x` ON `ack_queue_x`._id = `pq_state_ack_queue_x`.id WHERE `pq_state_ack_queue_x`.status = 1 AND (due IS NULL OR due > UNIX_TIMESTAMP(NOW(6))) ORDER BY priority, id LIMIT 1;

-- postpone
UPDATE `pq_state_ack_queue_x` SET status = 3, due = UNIX_TIMESTAMP(NOW(6)) + %s WHERE id = %s;

-- redrive
UPDATE `pq_state_ack_queue_x` SET status = 1, attempts = 0, due = NULL, owner = NULL, reason = NULL WHERE id = %s AND status = 9;

-- retime
UPDATE `pq_state_ack_queue_x` SET status = %s, priority = %s, due = UNIX_TIMESTAMP(NOW(6)) + %s, expires = UNIX_TIMESTAMP(NOW(6)) + %s WHERE id = %s;

-- same
SELECT id, status FROM `pq_state_ack_queue_x` WHERE id = (SELECT _id FROM `ack_queue_x` WHERE data = %s);

-- show
UPDATE `pq_state_ack_queue_x` SET status = 1, due = expires WHERE id = %s;

-- some
SELECT count(*) FROM (SELECT 1 FROM `pq_state_ack_queue_x` WHERE status = 1 LIMIT %s) AS some;

-- status
SELECT status, owner, attempts, token FROM `pq_state_ack_queue_x` WHERE id = %s;

-- total
SELECT count(*) FROM `ack_queue_x`;

-- trim_items, 2
DELETE FROM `ack_queue_x` WHERE _id IN (SELECT id FROM `pq_state_ack_queue_x` WHERE status = 2 AND id <= %s ORDER BY id LIMIT %s);

-- trim_items, 5
DELETE FROM `ack_queue_x` WHERE _id IN (SELECT id FROM `pq_state_ack_queue_x` WHERE status = 5 AND status >= 5 AND id <= %s ORDER BY id LIMIT %s);

-- trim_items, 9
DELETE FROM `ack_queue_x` WHERE _id IN (SELECT id FROM `pq_state_ack_queue_x` WHERE status = 9 AND status >= 5 AND id <= %s ORDER BY id LIMIT %s);

-- trim_states, 2
DELETE FROM `pq_state_ack_queue_x` WHERE id IN (SELECT id FROM `pq_state_ack_queue_x` WHERE status = 2 AND id <= %s ORDER BY id LIMIT %s);

-- trim_states, 5
DELETE FROM `pq_state_ack_queue_x` WHERE id IN (SELECT id FROM `pq_state_ack_queue_x` WHERE status = 5 AND status >= 5 AND id <= %s ORDER BY id LIMIT %s);

-- trim_states, 9
DELETE FROM `pq_state_ack_queue_x` WHERE id IN (SELECT id FROM `pq_state_ack_queue_x` WHERE status = 9 AND status >= 5 AND id <= %s ORDER BY id LIMIT %s);

-- update
UPDATE `ack_queue_x` SET data = %s, crc = %s WHERE _id = %s;
