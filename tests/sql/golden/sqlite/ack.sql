-- ack, sqlite

-- the plans, and what each may say
-- ack: ack
-- ack_many: ack
-- ack_token: ack_token
-- adopt: adopt
-- all_rows: all
-- any: any
-- bury: fail
-- changes: 
-- claim: first, claim_one
-- claim_as: 
-- claim_beyond: beyond, claim_all
-- claim_id: by_id, claim_all, status
-- claim_many: next, claim_all
-- clear: clear, clear_states
-- count: count
-- count_of: count_of
-- dead_letters: dead
-- disown: disown
-- equal: equal
-- expired: expired
-- extend: extend
-- fail: held, fail
-- lost: lost
-- mine: mine
-- nack: held, fail, give_back, give_back_now
-- next_due: next_due
-- owners: owners
-- page: page
-- peek: peek
-- put: insert, add
-- put_many: bound, some, insert_all, add_all, last_id, insert, add
-- put_new: bound, some, insert, add, drop, drop_item, redrive
-- put_part: insert_all
-- put_timed: bound, some, keyed, update, retime, drop, drop_item, redrive, insert, add_timed
-- recall: 
-- redrive: dead_ids, redrive
-- release: of_nobody, of_owner, fail, postpone, show
-- stats: counts, oldest
-- status: status
-- tend: due, fail, postpone, show, drop, drop_item, count_expired
-- total: total
-- trim: kept_span, kept, trim_items, trim_states
-- unclaim: unclaim
-- unsettled: unsettled
-- update: status, drop, drop_item, update

-- the tables
SELECT name FROM pragma_table_info(?);
SELECT name FROM pragma_table_info(?);
CREATE TABLE IF NOT EXISTS "pq_meta" (name TEXT PRIMARY KEY, version INTEGER NOT NULL, marks INTEGER NOT NULL, expired INTEGER NOT NULL, returned INTEGER NOT NULL);
CREATE TABLE "ack_queue_x" (_id INTEGER PRIMARY KEY AUTOINCREMENT, data BLOB, timestamp FLOAT, status INTEGER, crc INTEGER);
CREATE TABLE "pq_state_ack_queue_x" (id INTEGER PRIMARY KEY, status INTEGER NOT NULL, priority INTEGER NOT NULL, due FLOAT, expires FLOAT, attempts INTEGER NOT NULL, token INTEGER NOT NULL, owner INTEGER, changed FLOAT, dedupe_key TEXT, reason TEXT);
CREATE INDEX "pq_order_ack_queue_x" ON "pq_state_ack_queue_x" (status DESC, priority, id, due);
CREATE INDEX "pq_due_ack_queue_x" ON "pq_state_ack_queue_x" (due) WHERE due IS NOT NULL;
CREATE INDEX "pq_key_ack_queue_x" ON "pq_state_ack_queue_x" (dedupe_key) WHERE dedupe_key IS NOT NULL;
INSERT INTO "pq_state_ack_queue_x" (id, status, priority, attempts, token) SELECT _id, CASE WHEN status IN (2, 5, 9) THEN status ELSE 1 END, 0, 0, 0 FROM "ack_queue_x";
INSERT OR IGNORE INTO "pq_meta" (name, version, marks, expired, returned) VALUES (?, ?, 0, 0, 0);

-- from version 1 to 2
DROP INDEX "pq_ready_ack_queue_x";
DROP INDEX "pq_leased_ack_queue_x";
DROP INDEX "pq_settled_ack_queue_x";
UPDATE "pq_state_ack_queue_x" SET priority = 0 WHERE status = 5;
CREATE INDEX "pq_order_ack_queue_x" ON "pq_state_ack_queue_x" (status DESC, priority, id, due);

-- mark
UPDATE "pq_meta" SET marks = marks + 1 WHERE name = ?;

-- ack
UPDATE "pq_state_ack_queue_x" SET status = 5, priority = 0, due = NULL, expires = NULL WHERE id = ? AND status = 2 AND owner = ?;

-- ack_token
UPDATE "pq_state_ack_queue_x" SET status = 5, priority = 0, due = NULL, expires = NULL WHERE id = ? AND status = 2 AND owner = ? AND token = ?;

-- add
INSERT INTO "pq_state_ack_queue_x" (id, status, priority, attempts, token) VALUES (?, 1, ?, 0, 0);

-- add_all
INSERT INTO "pq_state_ack_queue_x" (id, status, priority, attempts, token) VALUES (?, 1, ?, 0, 0);

-- add_timed
INSERT INTO "pq_state_ack_queue_x" (id, status, priority, due, expires, attempts, token, dedupe_key) VALUES (?, ?, ?, ? + ?, ? + ?, 0, 0, ?);

-- adopt
UPDATE "pq_state_ack_queue_x" SET owner = ? WHERE id = ? AND status = 2 AND token = ?;

-- all
SELECT id, data, timestamp, crc, "pq_state_ack_queue_x".priority, "pq_state_ack_queue_x".status FROM "pq_state_ack_queue_x" JOIN "ack_queue_x" ON "ack_queue_x"._id = "pq_state_ack_queue_x".id WHERE id > ? ORDER BY id LIMIT 256;

-- any
SELECT (SELECT id FROM "pq_state_ack_queue_x" WHERE status = 1 AND (due IS NULL OR due > ?) ORDER BY priority, id LIMIT 1) IS NOT NULL;

-- beyond
SELECT id, data, timestamp, crc, token + 1, attempts + 1 FROM "pq_state_ack_queue_x" JOIN "ack_queue_x" ON "ack_queue_x"._id = "pq_state_ack_queue_x".id WHERE "pq_state_ack_queue_x".status = 1 AND (due IS NULL OR due > ?) AND id > ? ORDER BY id LIMIT 1;

-- bound
SELECT marks FROM "pq_meta" WHERE name = ?;

-- by_id
SELECT id, data, timestamp, crc, token + 1, attempts + 1 FROM "pq_state_ack_queue_x" JOIN "ack_queue_x" ON "ack_queue_x"._id = "pq_state_ack_queue_x".id WHERE "pq_state_ack_queue_x".status = 1 AND (due IS NULL OR due > ?) AND id = ?;

-- claim_all
UPDATE "pq_state_ack_queue_x" SET status = 2, attempts = attempts + 1, token = token + 1, owner = ?, due = ? + ? WHERE id = ? AND status = 1;

-- claim_one
UPDATE "pq_state_ack_queue_x" SET status = 2, attempts = attempts + 1, token = token + 1, owner = ?, due = ? + ? WHERE id = ? AND status = 1;

-- clear
DELETE FROM "ack_queue_x" WHERE _id IN (SELECT id FROM "pq_state_ack_queue_x" WHERE status IN (1, 3));

-- clear_states
DELETE FROM "pq_state_ack_queue_x" WHERE status IN (1, 3);

-- count
SELECT count(*) FROM "pq_state_ack_queue_x" WHERE status = 1;

-- count_expired
UPDATE "pq_meta" SET expired = expired + ? WHERE name = ?;

-- count_of, 2
SELECT count(*) FROM "pq_state_ack_queue_x" WHERE status = 2;

-- count_of, 5
SELECT count(*) FROM "pq_state_ack_queue_x" WHERE status = 5 AND priority = 0;

-- count_of, 9
SELECT count(*) FROM "pq_state_ack_queue_x" WHERE status = 9 AND status >= 5;

-- counts
SELECT status, count(*) FROM "pq_state_ack_queue_x" GROUP BY status;

-- dead
SELECT id, reason, data, attempts, changed FROM "pq_state_ack_queue_x" JOIN "ack_queue_x" ON "ack_queue_x"._id = "pq_state_ack_queue_x".id WHERE "pq_state_ack_queue_x".status = 9 AND "pq_state_ack_queue_x".status >= 5 ORDER BY changed, id;

-- dead_ids
SELECT id FROM "pq_state_ack_queue_x" WHERE status = 9 AND status >= 5;

-- disown
UPDATE "pq_state_ack_queue_x" SET owner = NULL WHERE status = 2 AND owner = ?;

-- drop
DELETE FROM "pq_state_ack_queue_x" WHERE id = ?;

-- drop_item
DELETE FROM "ack_queue_x" WHERE _id = ?;

-- due
SELECT id, status, attempts, CASE WHEN expires <= ? THEN 1 ELSE 0 END FROM "pq_state_ack_queue_x" WHERE due <= ? ORDER BY due LIMIT 100;

-- equal
SELECT id FROM "pq_state_ack_queue_x" JOIN "ack_queue_x" ON "ack_queue_x"._id = "pq_state_ack_queue_x".id WHERE "pq_state_ack_queue_x".status = 2 AND owner = ? AND data = ? ORDER BY id LIMIT 1;

-- expired
SELECT expired FROM "pq_meta" WHERE name = ?;

-- extend
UPDATE "pq_state_ack_queue_x" SET due = ? + ? WHERE id = ? AND status = 2 AND owner = ? AND token = ?;

-- fail
UPDATE "pq_state_ack_queue_x" SET status = 9, due = NULL, expires = NULL, changed = ?, reason = ? WHERE id = ? AND status < 5;

-- first
SELECT id, data, timestamp, crc, token + 1, attempts + 1, (SELECT min(due) FROM "pq_state_ack_queue_x" WHERE due IS NOT NULL), ? FROM "pq_state_ack_queue_x" JOIN "ack_queue_x" ON "ack_queue_x"._id = "pq_state_ack_queue_x".id WHERE "pq_state_ack_queue_x".status = 1 AND (due IS NULL OR due > ?) ORDER BY priority, id LIMIT 1;

-- give_back
UPDATE "pq_state_ack_queue_x" SET status = ?, due = ? + ?, owner = NULL WHERE id = ?;

-- give_back_now
UPDATE "pq_state_ack_queue_x" SET status = 1, due = expires, owner = NULL WHERE id = ?;

-- held
SELECT attempts, token FROM "pq_state_ack_queue_x" WHERE id = ? AND status = 2 AND owner = ?;

-- insert
INSERT INTO "ack_queue_x" (data, timestamp, status, crc) VALUES (?, ?, 1, ?);

-- insert_all
INSERT INTO "ack_queue_x" (data, timestamp, status, crc) VALUES (?, ?, 1, ?);

-- kept, 2
SELECT id FROM "pq_state_ack_queue_x" WHERE status = 2 ORDER BY id DESC LIMIT 1 OFFSET ?;

-- kept, 5
SELECT id FROM "pq_state_ack_queue_x" WHERE status = 5 AND priority = 0 ORDER BY id DESC LIMIT 1 OFFSET ?;

-- kept, 9
SELECT id FROM "pq_state_ack_queue_x" WHERE status = 9 AND status >= 5 ORDER BY id DESC LIMIT 1 OFFSET ?;

-- kept_span, 2
SELECT (SELECT id FROM "pq_state_ack_queue_x" WHERE status = 2 ORDER BY id DESC LIMIT 1) - (SELECT id FROM "pq_state_ack_queue_x" WHERE status = 2 ORDER BY id LIMIT 1) + 1;

-- kept_span, 5
SELECT (SELECT id FROM "pq_state_ack_queue_x" WHERE status = 5 AND priority = 0 ORDER BY id DESC LIMIT 1) - (SELECT id FROM "pq_state_ack_queue_x" WHERE status = 5 AND priority = 0 ORDER BY id LIMIT 1) + 1;

-- kept_span, 9
SELECT (SELECT id FROM "pq_state_ack_queue_x" WHERE status = 9 AND status >= 5 ORDER BY id DESC LIMIT 1) - (SELECT id FROM "pq_state_ack_queue_x" WHERE status = 9 AND status >= 5 ORDER BY id LIMIT 1) + 1;

-- keyed
SELECT id, status, ? - (SELECT timestamp FROM "ack_queue_x" WHERE "ack_queue_x"._id = "pq_state_ack_queue_x".id) FROM "pq_state_ack_queue_x" WHERE dedupe_key = ? ORDER BY id DESC LIMIT 1;

-- last_id
SELECT last_insert_rowid();

-- lost
SELECT id FROM "pq_state_ack_queue_x" WHERE status < 5 AND id > ? AND NOT EXISTS (SELECT 1 FROM "ack_queue_x" WHERE _id = id) ORDER BY id LIMIT 256;

-- mine
SELECT id, data, timestamp, crc FROM "pq_state_ack_queue_x" JOIN "ack_queue_x" ON "ack_queue_x"._id = "pq_state_ack_queue_x".id WHERE "pq_state_ack_queue_x".status = 2 AND owner = ? AND id > ? ORDER BY id LIMIT 256;

-- next
SELECT id, data, timestamp, crc, token + 1, attempts + 1 FROM "pq_state_ack_queue_x" JOIN "ack_queue_x" ON "ack_queue_x"._id = "pq_state_ack_queue_x".id WHERE "pq_state_ack_queue_x".status = 1 AND (due IS NULL OR due > ?) ORDER BY priority, id LIMIT ?;

-- next_due
SELECT min(due) FROM "pq_state_ack_queue_x" WHERE due IS NOT NULL;

-- of_nobody
SELECT id, attempts FROM "pq_state_ack_queue_x" WHERE status = 2 AND owner IS NULL;

-- of_owner
SELECT id, attempts FROM "pq_state_ack_queue_x" WHERE status = 2 AND owner = ?;

-- oldest
SELECT ? - min(timestamp) FROM "ack_queue_x" WHERE _id = (SELECT min(id) FROM "pq_state_ack_queue_x" WHERE status = 1);

-- owners
SELECT DISTINCT owner FROM "pq_state_ack_queue_x" WHERE status = 2;

-- page
SELECT id, data, timestamp, crc, "pq_state_ack_queue_x".priority, "pq_state_ack_queue_x".status FROM "pq_state_ack_queue_x" JOIN "ack_queue_x" ON "ack_queue_x"._id = "pq_state_ack_queue_x".id WHERE "pq_state_ack_queue_x".status = 1 AND (due IS NULL OR due > ?) AND (priority > ? OR (priority = ? AND id > ?)) ORDER BY priority, id LIMIT 256;

-- peek
SELECT id, data, timestamp, crc, token + 1, attempts + 1 FROM "pq_state_ack_queue_x" JOIN "ack_queue_x" ON "ack_queue_x"._id = "pq_state_ack_queue_x".id WHERE "pq_state_ack_queue_x".status = 1 AND (due IS NULL OR due > ?) ORDER BY priority, id LIMIT 1;

-- postpone
UPDATE "pq_state_ack_queue_x" SET status = 3, due = ? + ? WHERE id = ?;

-- redrive
UPDATE "pq_state_ack_queue_x" SET status = 1, attempts = 0, due = NULL, owner = NULL, reason = NULL WHERE id = ? AND status = 9;

-- retime
UPDATE "pq_state_ack_queue_x" SET status = ?, priority = ?, due = ? + ?, expires = ? + ? WHERE id = ?;

-- show
UPDATE "pq_state_ack_queue_x" SET status = 1, due = expires WHERE id = ?;

-- some
SELECT count(*) FROM (SELECT 1 FROM "pq_state_ack_queue_x" WHERE status = 1 ORDER BY priority, id LIMIT ?) AS few;

-- status
SELECT status, owner, attempts, token FROM "pq_state_ack_queue_x" WHERE id = ?;

-- total
SELECT count(*) FROM "ack_queue_x";

-- trim_items, 2
DELETE FROM "ack_queue_x" WHERE _id IN (SELECT id FROM "pq_state_ack_queue_x" WHERE status = 2 AND id <= ? ORDER BY id LIMIT ?);

-- trim_items, 5
DELETE FROM "ack_queue_x" WHERE _id IN (SELECT id FROM "pq_state_ack_queue_x" WHERE status = 5 AND priority = 0 AND id <= ? ORDER BY id LIMIT ?);

-- trim_items, 9
DELETE FROM "ack_queue_x" WHERE _id IN (SELECT id FROM "pq_state_ack_queue_x" WHERE status = 9 AND status >= 5 AND id <= ? ORDER BY id LIMIT ?);

-- trim_states, 2
DELETE FROM "pq_state_ack_queue_x" WHERE id IN (SELECT id FROM "pq_state_ack_queue_x" WHERE status = 2 AND id <= ? ORDER BY id LIMIT ?);

-- trim_states, 5
DELETE FROM "pq_state_ack_queue_x" WHERE id IN (SELECT id FROM "pq_state_ack_queue_x" WHERE status = 5 AND priority = 0 AND id <= ? ORDER BY id LIMIT ?);

-- trim_states, 9
DELETE FROM "pq_state_ack_queue_x" WHERE id IN (SELECT id FROM "pq_state_ack_queue_x" WHERE status = 9 AND status >= 5 AND id <= ? ORDER BY id LIMIT ?);

-- unclaim
UPDATE "pq_state_ack_queue_x" SET status = 1, due = expires, owner = NULL, attempts = attempts - 1 WHERE id = ? AND status = 2 AND owner = ? AND token = ?;

-- unsettled
SELECT EXISTS (SELECT 1 FROM "pq_state_ack_queue_x" WHERE status = 1) OR EXISTS (SELECT 1 FROM "pq_state_ack_queue_x" WHERE status = 2) OR EXISTS (SELECT 1 FROM "pq_state_ack_queue_x" WHERE status = 3 AND due IS NOT NULL);

-- update
UPDATE "ack_queue_x" SET data = ?, crc = ? WHERE _id = ?;
