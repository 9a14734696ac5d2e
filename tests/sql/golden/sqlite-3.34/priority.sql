-- priority, sqlite-3.34

SELECT name FROM pragma_table_info(?);
SELECT name FROM pragma_table_info(?);
CREATE TABLE IF NOT EXISTS "pq_meta" (name TEXT PRIMARY KEY, version INTEGER NOT NULL, marks INTEGER NOT NULL, expired INTEGER NOT NULL, returned INTEGER NOT NULL);
CREATE TABLE "priority_queue_x" (_id INTEGER PRIMARY KEY AUTOINCREMENT, data BLOB, timestamp FLOAT, priority INTEGER, crc INTEGER);
CREATE INDEX "pq_order_priority_queue_x" ON "priority_queue_x" (priority, _id);
CREATE TABLE "pq_claims_priority_queue_x" (id INTEGER PRIMARY KEY, owner INTEGER NOT NULL);
CREATE INDEX "pq_owner_priority_queue_x" ON "pq_claims_priority_queue_x" (owner);
CREATE TABLE "pq_dead_priority_queue_x" (id INTEGER PRIMARY KEY, data BLOB, timestamp FLOAT, priority INTEGER, crc INTEGER, attempts INTEGER, failed_at FLOAT, reason TEXT);
DELETE FROM "pq_meta" WHERE name = ?;
INSERT OR IGNORE INTO "pq_meta" (name, version, marks, expired, returned) VALUES (?, ?, 0, 0, 0);

-- age
SELECT ? - timestamp FROM "priority_queue_x" WHERE _id = ?;

-- all
SELECT _id, data, timestamp, crc, priority FROM "priority_queue_x" WHERE _id > ? ORDER BY _id LIMIT 256;

-- any
SELECT (SELECT _id FROM "priority_queue_x" WHERE _id NOT IN (SELECT id FROM "pq_claims_priority_queue_x") ORDER BY priority, _id LIMIT 1) IS NOT NULL;

-- any_beyond
SELECT EXISTS (SELECT 1 FROM "priority_queue_x" WHERE _id NOT IN (SELECT id FROM "pq_claims_priority_queue_x") AND _id > ?);

-- back
INSERT OR IGNORE INTO "priority_queue_x" (_id, data, timestamp, crc, priority) SELECT id, data, timestamp, crc, priority FROM "pq_dead_priority_queue_x" WHERE id = ?;

-- bound
SELECT marks FROM "pq_meta" WHERE name = ?;

-- bury
INSERT INTO "pq_dead_priority_queue_x" (id, data, timestamp, crc, priority, attempts, failed_at, reason) VALUES (?, ?, ?, ?, ?, 1, ?, ?);

-- by_id
SELECT _id, data, timestamp, crc, priority FROM "priority_queue_x" WHERE _id NOT IN (SELECT id FROM "pq_claims_priority_queue_x") AND _id = ?;

-- changes
SELECT (SELECT _id FROM "priority_queue_x" WHERE _id NOT IN (SELECT id FROM "pq_claims_priority_queue_x") ORDER BY priority, _id LIMIT 1), max(_id), min(_id) FROM "priority_queue_x";

-- claim
INSERT INTO "pq_claims_priority_queue_x" (owner, id) VALUES (?, ?);

-- claimed
SELECT count(*) FROM "pq_claims_priority_queue_x";

-- clear
DELETE FROM "priority_queue_x" WHERE _id NOT IN (SELECT id FROM "pq_claims_priority_queue_x");

-- count
SELECT (SELECT count(*) FROM "priority_queue_x") - (SELECT count(*) FROM "pq_claims_priority_queue_x");

-- count_dead
SELECT count(*) FROM "pq_dead_priority_queue_x";

-- dead
SELECT id, reason, data, attempts, failed_at FROM "pq_dead_priority_queue_x" ORDER BY failed_at, id;

-- dead_ids
SELECT id FROM "pq_dead_priority_queue_x";

-- dead_one
SELECT id FROM "pq_dead_priority_queue_x" WHERE id = ?;

-- delete
DELETE FROM "priority_queue_x" WHERE _id = ?;

-- delete_all
DELETE FROM "priority_queue_x" WHERE _id = ?;

-- delete_run
DELETE FROM "priority_queue_x" WHERE _id BETWEEN ? AND ?;

-- exists
SELECT 1 FROM "priority_queue_x" WHERE _id = ?;

-- forget
DELETE FROM "pq_dead_priority_queue_x" WHERE id = ?;

-- insert
INSERT INTO "priority_queue_x" (data, timestamp, crc, priority) VALUES (?, ?, ?, ?);

-- insert_all
INSERT INTO "priority_queue_x" (data, timestamp, crc, priority) VALUES (?, ?, ?, ?);

-- insert_new
INSERT OR IGNORE INTO "priority_queue_x" (data, timestamp, crc, priority) VALUES (?, ?, ?, ?);

-- last_id
SELECT last_insert_rowid();

-- next
SELECT _id, data, timestamp, crc, priority FROM "priority_queue_x" WHERE _id NOT IN (SELECT id FROM "pq_claims_priority_queue_x") ORDER BY priority, _id LIMIT ?;

-- next_beyond
SELECT _id, data, timestamp, crc, priority FROM "priority_queue_x" WHERE _id NOT IN (SELECT id FROM "pq_claims_priority_queue_x") AND _id > ? ORDER BY priority, _id LIMIT ?;

-- oldest
SELECT min(_id) FROM "priority_queue_x";

-- owners
SELECT DISTINCT owner FROM "pq_claims_priority_queue_x";

-- page
SELECT _id, data, timestamp, crc, priority FROM "priority_queue_x" WHERE _id NOT IN (SELECT id FROM "pq_claims_priority_queue_x") AND (priority > ? OR (priority = ? AND _id > ?)) ORDER BY priority, _id LIMIT 256;

-- peek
SELECT _id, data, timestamp, crc, priority FROM "priority_queue_x" WHERE _id NOT IN (SELECT id FROM "pq_claims_priority_queue_x") ORDER BY priority, _id LIMIT 1;

-- release
DELETE FROM "pq_claims_priority_queue_x" WHERE owner = ?;

-- return
UPDATE "pq_meta" SET returned = returned + 1 WHERE name = ?;

-- returned
SELECT returned FROM "pq_meta" WHERE name = ?;

-- same
-- not needed

-- some
SELECT count(*) FROM (SELECT 1 FROM "priority_queue_x" WHERE _id NOT IN (SELECT id FROM "pq_claims_priority_queue_x") ORDER BY priority, _id LIMIT ?) AS few;

-- span
SELECT max(_id) - min(_id) + 1 FROM "priority_queue_x";

-- take
DELETE FROM "priority_queue_x" WHERE _id = (SELECT _id FROM "priority_queue_x" WHERE _id NOT IN (SELECT id FROM "pq_claims_priority_queue_x") ORDER BY priority, _id LIMIT 1) RETURNING _id, data, timestamp, crc, priority;

-- total
SELECT count(*) FROM "priority_queue_x";

-- unclaim
DELETE FROM "pq_claims_priority_queue_x" WHERE id = ? AND owner = ?;

-- update
UPDATE "priority_queue_x" SET data = ?, crc = ? WHERE _id = ?;

-- upsert
-- not needed
