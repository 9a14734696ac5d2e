-- fifo, sqlite

-- the plans, and what each may say
-- all_rows: all
-- any: any
-- any_beyond: returned, last, new, certain, first, beyond, any
-- bury: by_id, delete, bury
-- changes: 
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
-- put_many: bound, span, some, insert_new, insert_all, last_id, insert
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
-- unhold_lost: unhold
-- update: exists, update

-- the tables
SELECT name FROM pragma_table_info(?);
SELECT name FROM pragma_table_info(?);
SELECT name FROM pragma_table_info(?);
CREATE TABLE IF NOT EXISTS "pq_meta" (name TEXT PRIMARY KEY, version INTEGER NOT NULL, marks INTEGER NOT NULL, expired INTEGER NOT NULL, returned INTEGER NOT NULL);
CREATE TABLE "queue_x" (_id INTEGER PRIMARY KEY AUTOINCREMENT, data BLOB, timestamp FLOAT, crc INTEGER);
CREATE TABLE "pq_claims_queue_x" (id INTEGER PRIMARY KEY, owner INTEGER NOT NULL);
CREATE INDEX "pq_owner_queue_x" ON "pq_claims_queue_x" (owner);
CREATE TABLE "pq_dead_queue_x" (id INTEGER PRIMARY KEY, data BLOB, timestamp FLOAT, priority INTEGER, crc INTEGER, attempts INTEGER, failed_at FLOAT, reason TEXT);
INSERT OR IGNORE INTO "pq_meta" (name, version, marks, expired, returned) VALUES (?, ?, 0, 0, 0);

-- mark
UPDATE "pq_meta" SET marks = marks + 1 WHERE name = ?;

-- age
SELECT ? - timestamp FROM "queue_x" WHERE _id = ?;

-- all
SELECT _id, data, timestamp, crc FROM "queue_x" WHERE _id > ? ORDER BY _id LIMIT 256;

-- any
SELECT (SELECT _id FROM "queue_x" WHERE _id NOT IN (SELECT id FROM "pq_claims_queue_x") ORDER BY _id LIMIT 1) IS NOT NULL;

-- back
INSERT OR IGNORE INTO "queue_x" (_id, data, timestamp, crc) SELECT id, data, timestamp, crc FROM "pq_dead_queue_x" WHERE id = ?;

-- beyond
SELECT _id, data, timestamp, crc FROM "queue_x" WHERE _id NOT IN (SELECT id FROM "pq_claims_queue_x") AND _id > ? ORDER BY _id LIMIT ?;

-- bound
SELECT marks FROM "pq_meta" WHERE name = ?;

-- bury
INSERT INTO "pq_dead_queue_x" (id, data, timestamp, crc, priority, attempts, failed_at, reason) VALUES (?, ?, ?, ?, ?, 1, ?, ?);

-- by_id
SELECT _id, data, timestamp, crc FROM "queue_x" WHERE _id NOT IN (SELECT id FROM "pq_claims_queue_x") AND _id = ?;

-- certain
SELECT _id, data, timestamp, crc FROM "queue_x" WHERE _id NOT IN (SELECT id FROM "pq_claims_queue_x") AND _id = ?;

-- claim
INSERT INTO "pq_claims_queue_x" (owner, id) VALUES (?, ?);

-- claimed
SELECT count(*) FROM "pq_claims_queue_x";

-- clear
DELETE FROM "queue_x" WHERE _id NOT IN (SELECT id FROM "pq_claims_queue_x");

-- count
SELECT (SELECT count(*) FROM "queue_x") - (SELECT count(*) FROM "pq_claims_queue_x");

-- count_dead
SELECT count(*) FROM "pq_dead_queue_x";

-- dead
SELECT id, reason, data, attempts, failed_at FROM "pq_dead_queue_x" ORDER BY failed_at, id;

-- dead_ids
SELECT id FROM "pq_dead_queue_x";

-- dead_one
SELECT id FROM "pq_dead_queue_x" WHERE id = ?;

-- delete
DELETE FROM "queue_x" WHERE _id = ?;

-- delete_all
DELETE FROM "queue_x" WHERE _id = ?;

-- delete_run
DELETE FROM "queue_x" WHERE _id BETWEEN ? AND ?;

-- exists
SELECT 1 FROM "queue_x" WHERE _id = ?;

-- first
SELECT _id, data, timestamp, crc FROM "queue_x" WHERE _id NOT IN (SELECT id FROM "pq_claims_queue_x") ORDER BY _id LIMIT ?;

-- forget
DELETE FROM "pq_dead_queue_x" WHERE id = ?;

-- insert
INSERT INTO "queue_x" (data, timestamp, crc) VALUES (?, ?, ?);

-- insert_all
INSERT INTO "queue_x" (data, timestamp, crc) VALUES (?, ?, ?);

-- insert_new
INSERT OR IGNORE INTO "queue_x" (data, timestamp, crc) VALUES (?, ?, ?);

-- last
SELECT max(_id) FROM "queue_x";

-- last_id
SELECT last_insert_rowid();

-- new
SELECT _id, 0 FROM "queue_x" WHERE _id > ? ORDER BY _id LIMIT 65;

-- next
SELECT _id, data, timestamp, crc FROM "queue_x" WHERE _id NOT IN (SELECT id FROM "pq_claims_queue_x") ORDER BY _id LIMIT ?;

-- oldest
SELECT min(_id) FROM "queue_x";

-- owners
SELECT DISTINCT owner FROM "pq_claims_queue_x";

-- page
SELECT _id, data, timestamp, crc FROM "queue_x" WHERE _id NOT IN (SELECT id FROM "pq_claims_queue_x") AND _id > ? ORDER BY _id LIMIT 256;

-- peek
SELECT _id, data, timestamp, crc FROM "queue_x" WHERE _id NOT IN (SELECT id FROM "pq_claims_queue_x") ORDER BY _id LIMIT 1;

-- put_back
INSERT OR IGNORE INTO "queue_x" (_id, data, timestamp, crc) VALUES (?, ?, ?, ?);

-- release
DELETE FROM "pq_claims_queue_x" WHERE owner = ?;

-- return
UPDATE "pq_meta" SET returned = returned + 1 WHERE name = ?;

-- returned
SELECT returned FROM "pq_meta" WHERE name = ?;

-- some
SELECT count(*) FROM (SELECT 1 FROM "queue_x" WHERE _id NOT IN (SELECT id FROM "pq_claims_queue_x") ORDER BY _id LIMIT ?) AS few;

-- span
SELECT max(_id) - min(_id) + 1 FROM "queue_x";

-- total
SELECT count(*) FROM "queue_x";

-- unclaim
DELETE FROM "pq_claims_queue_x" WHERE id = ? AND owner = ?;

-- unhold
DELETE FROM "pq_claims_queue_x" WHERE id = ? AND owner = ?;

-- update
UPDATE "queue_x" SET data = ?, crc = ? WHERE _id = ?;
