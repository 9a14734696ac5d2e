-- ack, mysql

-- the plans, and what each may say
-- ack: ack
-- ack_many: ack
-- ack_token: ack_token
-- adopt: adopt
-- all_rows: all
-- any: any
-- bury: fail
-- changes: changes
-- claim: first, claim_one
-- claim_as: first, claim_as
-- claim_beyond: beyond, claim_as
-- claim_id: by_id, claim_as, status
-- claim_many: next, claim_as
-- clear: clear
-- count: count
-- count_of: count_of
-- dead_letters: dead
-- disown: disown
-- equal: equal
-- expired: expired
-- extend: extend
-- fail: held, fail
-- lost: 
-- mine: mine
-- nack: held, fail, give_back, give_back_now
-- next_due: next_due
-- owners: owners
-- page: page
-- peek: peek
-- put: insert
-- put_many: bound, some, insert_all, insert
-- put_new: bound, some, insert, drop_item, redrive
-- put_part: insert_all
-- put_timed: bound, some, keyed, update, retime, drop_item, redrive, insert, insert_timed
-- recall: recall
-- redrive: dead_ids, redrive
-- release: of_nobody, of_owner, fail, postpone, show
-- stats: counts, oldest
-- status: status
-- tend: due, fail, postpone, show, drop_item, count_expired
-- total: total
-- trim: kept_span, kept, trim_items
-- unclaim: unclaim
-- unsettled: unsettled
-- update: status, drop_item, update

-- the tables
SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = %s;
SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = %s;
CREATE TABLE IF NOT EXISTS `pq_meta` (name VARCHAR(255) PRIMARY KEY, version BIGINT NOT NULL, marks BIGINT NOT NULL, expired BIGINT NOT NULL, returned BIGINT NOT NULL) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE IF NOT EXISTS `ack_queue_x` (_id BIGINT PRIMARY KEY AUTO_INCREMENT, data LONGBLOB, timestamp DOUBLE, crc BIGINT, status BIGINT NOT NULL, priority BIGINT NOT NULL, due DOUBLE, expires DOUBLE, attempts BIGINT NOT NULL, token BIGINT NOT NULL, owner BIGINT, changed DOUBLE, dedupe_key VARCHAR(255), reason LONGTEXT, KEY `pq_ready_ack_queue_x` (status, priority, _id, due), KEY `pq_leased_ack_queue_x` (status, owner), KEY `pq_settled_ack_queue_x` (status, _id), KEY `pq_due_ack_queue_x` (due), KEY `pq_key_ack_queue_x` (dedupe_key)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `pq_meta` (name, version, marks, expired, returned) VALUES (%s, %s, 0, 0, 0) ON DUPLICATE KEY UPDATE name = name;

-- mark
UPDATE `pq_meta` SET marks = marks + 1 WHERE name = %s;

-- ack
UPDATE `ack_queue_x` SET status = 5, due = NULL, expires = NULL WHERE _id = %s AND +status = 2 AND owner = %s;

-- ack_token
UPDATE `ack_queue_x` SET status = 5, due = NULL, expires = NULL WHERE _id = %s AND +status = 2 AND owner = %s AND token = %s;

-- adopt
UPDATE `ack_queue_x` SET owner = %s WHERE _id = %s AND status = 2 AND token = %s;

-- all
SELECT _id, data, timestamp, crc, `ack_queue_x`.priority, `ack_queue_x`.status FROM `ack_queue_x` WHERE _id > %s ORDER BY _id LIMIT 256;

-- any
SELECT (SELECT _id FROM `ack_queue_x` WHERE status = 1 AND (due <= (UNIX_TIMESTAMP(NOW(6)) + 0e0)) IS NOT TRUE ORDER BY priority, _id LIMIT 1) IS NOT NULL;

-- beyond
SELECT _id, data, timestamp, crc, token + 1, attempts + 1 FROM `ack_queue_x` WHERE `ack_queue_x`.status = 1 AND (due <= (UNIX_TIMESTAMP(NOW(6)) + 0e0)) IS NOT TRUE AND _id > %s ORDER BY _id LIMIT 1 FOR UPDATE SKIP LOCKED;

-- bound
SELECT marks FROM `pq_meta` WHERE name = %s FOR UPDATE;

-- by_id
SELECT _id, data, timestamp, crc, token + 1, attempts + 1 FROM `ack_queue_x` WHERE `ack_queue_x`.status = 1 AND (due <= (UNIX_TIMESTAMP(NOW(6)) + 0e0)) IS NOT TRUE AND _id = %s FOR UPDATE SKIP LOCKED;

-- changes
SELECT CONCAT_WS(' ', (SELECT _id FROM `ack_queue_x` WHERE status = 1 AND (due <= (UNIX_TIMESTAMP(NOW(6)) + 0e0)) IS NOT TRUE ORDER BY priority, _id LIMIT 1), (SELECT min(due) FROM `ack_queue_x` WHERE due IS NOT NULL), max(_id), min(_id)) FROM `ack_queue_x`;

-- claim_as
UPDATE `ack_queue_x` SET status = 2, attempts = attempts + 1, token = %s, owner = %s, due = (UNIX_TIMESTAMP(NOW(6)) + 0e0) + %s WHERE _id = %s;

-- claim_one
UPDATE `ack_queue_x` SET status = 2, attempts = attempts + 1, token = token + 1, owner = %s, due = (UNIX_TIMESTAMP(NOW(6)) + 0e0) + %s WHERE _id = %s;

-- clear
DELETE FROM `ack_queue_x` WHERE status IN (1, 3);

-- count
SELECT count(*) FROM `ack_queue_x` WHERE status = 1;

-- count_expired
UPDATE `pq_meta` SET expired = expired + %s WHERE name = %s;

-- count_of, 2
SELECT count(*) FROM `ack_queue_x` WHERE status = 2;

-- count_of, 5
SELECT count(*) FROM `ack_queue_x` WHERE status = 5 AND status >= 5;

-- count_of, 9
SELECT count(*) FROM `ack_queue_x` WHERE status = 9 AND status >= 5;

-- counts
SELECT status, count(*) FROM `ack_queue_x` GROUP BY status;

-- dead
SELECT _id, reason, data, attempts, changed FROM `ack_queue_x` WHERE `ack_queue_x`.status = 9 AND `ack_queue_x`.status >= 5 ORDER BY changed, _id;

-- dead_ids
SELECT _id FROM `ack_queue_x` WHERE status = 9 AND status >= 5;

-- disown
UPDATE `ack_queue_x` SET owner = NULL WHERE status = 2 AND owner = %s;

-- drop_item
DELETE FROM `ack_queue_x` WHERE _id = %s;

-- due
SELECT _id, status, attempts, CASE WHEN expires <= (UNIX_TIMESTAMP(NOW(6)) + 0e0) THEN 1 ELSE 0 END FROM `ack_queue_x` WHERE due <= (UNIX_TIMESTAMP(NOW(6)) + 0e0) ORDER BY due LIMIT 100 FOR UPDATE SKIP LOCKED;

-- equal
SELECT _id FROM `ack_queue_x` WHERE `ack_queue_x`.status = 2 AND owner = %s AND data = %s ORDER BY _id LIMIT 1;

-- expired
SELECT expired FROM `pq_meta` WHERE name = %s;

-- extend
UPDATE `ack_queue_x` SET due = (UNIX_TIMESTAMP(NOW(6)) + 0e0) + %s WHERE _id = %s AND +status = 2 AND owner = %s AND token = %s;

-- fail
UPDATE `ack_queue_x` SET status = 9, due = NULL, expires = NULL, changed = (UNIX_TIMESTAMP(NOW(6)) + 0e0), reason = %s WHERE _id = %s AND status < 5;

-- first
SELECT _id, data, timestamp, crc, token + 1, attempts + 1 FROM `ack_queue_x` WHERE `ack_queue_x`.status = 1 AND (due <= (UNIX_TIMESTAMP(NOW(6)) + 0e0)) IS NOT TRUE ORDER BY priority, _id LIMIT 1 FOR UPDATE SKIP LOCKED;

-- give_back
UPDATE `ack_queue_x` SET status = %s, due = (UNIX_TIMESTAMP(NOW(6)) + 0e0) + %s, owner = NULL WHERE _id = %s;

-- give_back_now
UPDATE `ack_queue_x` SET status = 1, due = expires, owner = NULL WHERE _id = %s;

-- held
SELECT attempts, token FROM `ack_queue_x` WHERE _id = %s AND +status = 2 AND owner = %s FOR UPDATE;

-- insert
INSERT INTO `ack_queue_x` (data, timestamp, status, crc, priority, attempts, token) VALUES (%s, (UNIX_TIMESTAMP(NOW(6)) + 0e0), 1, %s, %s, 0, 0);

-- insert_all
INSERT INTO `ack_queue_x` (data, timestamp, status, crc, priority, attempts, token) VALUES (%s, (UNIX_TIMESTAMP(NOW(6)) + 0e0), 1, %s, %s, 0, 0);

-- insert_timed
INSERT INTO `ack_queue_x` (data, timestamp, crc, status, priority, due, expires, attempts, token, dedupe_key) VALUES (%s, (UNIX_TIMESTAMP(NOW(6)) + 0e0), %s, %s, %s, (UNIX_TIMESTAMP(NOW(6)) + 0e0) + %s, (UNIX_TIMESTAMP(NOW(6)) + 0e0) + %s, 0, 0, %s);

-- kept, 2
SELECT _id FROM `ack_queue_x` WHERE status = 2 ORDER BY _id DESC LIMIT 1 OFFSET %s;

-- kept, 5
SELECT _id FROM `ack_queue_x` WHERE status = 5 AND status >= 5 ORDER BY _id DESC LIMIT 1 OFFSET %s;

-- kept, 9
SELECT _id FROM `ack_queue_x` WHERE status = 9 AND status >= 5 ORDER BY _id DESC LIMIT 1 OFFSET %s;

-- kept_span, 2
SELECT (SELECT _id FROM `ack_queue_x` WHERE status = 2 ORDER BY _id DESC LIMIT 1) - (SELECT _id FROM `ack_queue_x` WHERE status = 2 ORDER BY _id LIMIT 1) + 1;

-- kept_span, 5
SELECT (SELECT _id FROM `ack_queue_x` WHERE status = 5 AND status >= 5 ORDER BY _id DESC LIMIT 1) - (SELECT _id FROM `ack_queue_x` WHERE status = 5 AND status >= 5 ORDER BY _id LIMIT 1) + 1;

-- kept_span, 9
SELECT (SELECT _id FROM `ack_queue_x` WHERE status = 9 AND status >= 5 ORDER BY _id DESC LIMIT 1) - (SELECT _id FROM `ack_queue_x` WHERE status = 9 AND status >= 5 ORDER BY _id LIMIT 1) + 1;

-- keyed
SELECT _id, status, (UNIX_TIMESTAMP(NOW(6)) + 0e0) - timestamp FROM `ack_queue_x` WHERE dedupe_key = %s ORDER BY _id DESC LIMIT 1 FOR UPDATE;

-- mine
SELECT _id, data, timestamp, crc FROM `ack_queue_x` WHERE `ack_queue_x`.status = 2 AND owner = %s AND _id > %s ORDER BY _id LIMIT 256;

-- next
SELECT _id, data, timestamp, crc, token + 1, attempts + 1 FROM `ack_queue_x` WHERE `ack_queue_x`.status = 1 AND (due <= (UNIX_TIMESTAMP(NOW(6)) + 0e0)) IS NOT TRUE ORDER BY priority, _id LIMIT %s FOR UPDATE SKIP LOCKED;

-- next_due
SELECT min(due) FROM `ack_queue_x` WHERE due IS NOT NULL;

-- of_nobody
SELECT _id, attempts FROM `ack_queue_x` WHERE status = 2 AND owner IS NULL FOR UPDATE SKIP LOCKED;

-- of_owner
SELECT _id, attempts FROM `ack_queue_x` WHERE status = 2 AND owner = %s FOR UPDATE SKIP LOCKED;

-- oldest
SELECT (UNIX_TIMESTAMP(NOW(6)) + 0e0) - min(timestamp) FROM `ack_queue_x` WHERE _id = (SELECT min(_id) FROM `ack_queue_x` WHERE status = 1);

-- owners
SELECT DISTINCT owner FROM `ack_queue_x` WHERE status = 2;

-- page
SELECT _id, data, timestamp, crc, `ack_queue_x`.priority, `ack_queue_x`.status FROM `ack_queue_x` WHERE `ack_queue_x`.status = 1 AND (due <= (UNIX_TIMESTAMP(NOW(6)) + 0e0)) IS NOT TRUE AND (priority > %s OR (priority = %s AND _id > %s)) ORDER BY priority, _id LIMIT 256;

-- peek
SELECT _id, data, timestamp, crc, token + 1, attempts + 1 FROM `ack_queue_x` WHERE `ack_queue_x`.status = 1 AND (due <= (UNIX_TIMESTAMP(NOW(6)) + 0e0)) IS NOT TRUE ORDER BY priority, _id LIMIT 1;

-- postpone
UPDATE `ack_queue_x` SET status = 3, due = (UNIX_TIMESTAMP(NOW(6)) + 0e0) + %s WHERE _id = %s;

-- recall
UPDATE `ack_queue_x` SET status = 1, due = expires, owner = NULL, attempts = attempts - 1 WHERE status = 2 AND owner = %s AND token = %s;

-- redrive
UPDATE `ack_queue_x` SET status = 1, attempts = 0, due = NULL, owner = NULL, reason = NULL WHERE _id = %s AND status = 9;

-- retime
UPDATE `ack_queue_x` SET status = %s, priority = %s, due = (UNIX_TIMESTAMP(NOW(6)) + 0e0) + %s, expires = (UNIX_TIMESTAMP(NOW(6)) + 0e0) + %s WHERE _id = %s;

-- show
UPDATE `ack_queue_x` SET status = 1, due = expires WHERE _id = %s;

-- some
SELECT count(*) FROM (SELECT 1 FROM `ack_queue_x` WHERE status = 1 ORDER BY priority, _id LIMIT %s) AS few;

-- status
SELECT status, owner, attempts, token FROM `ack_queue_x` WHERE _id = %s;

-- total
SELECT count(*) FROM `ack_queue_x`;

-- trim_items, 2
DELETE FROM `ack_queue_x` WHERE status = 2 AND _id <= %s ORDER BY _id LIMIT %s;

-- trim_items, 5
DELETE FROM `ack_queue_x` WHERE status = 5 AND status >= 5 AND _id <= %s ORDER BY _id LIMIT %s;

-- trim_items, 9
DELETE FROM `ack_queue_x` WHERE status = 9 AND status >= 5 AND _id <= %s ORDER BY _id LIMIT %s;

-- unclaim
UPDATE `ack_queue_x` SET status = 1, due = expires, owner = NULL, attempts = attempts - 1 WHERE _id = %s AND +status = 2 AND owner = %s AND token = %s;

-- unsettled
SELECT EXISTS (SELECT 1 FROM `ack_queue_x` WHERE status = 1) OR EXISTS (SELECT 1 FROM `ack_queue_x` WHERE status = 2) OR EXISTS (SELECT 1 FROM `ack_queue_x` WHERE status = 3 AND due IS NOT NULL);

-- update
UPDATE `ack_queue_x` SET data = %s, crc = %s WHERE _id = %s;
