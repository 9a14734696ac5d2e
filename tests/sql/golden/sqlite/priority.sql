-- priority, sqlite: as fifo.sql with other names of tables, but for this

-- the plans, and what each may say
-- all_rows: all
-- any: any
-- any_beyond: returned, last, new, certain, first, beyond, later, any
-- bury: by_id, delete, bury
-- changes: 
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
CREATE TABLE IF NOT EXISTS "pq_meta" (name TEXT PRIMARY KEY, version INTEGER NOT NULL, marks INTEGER NOT NULL, expired INTEGER NOT NULL, returned INTEGER NOT NULL);
CREATE TABLE "priority_queue_x" (_id INTEGER PRIMARY KEY AUTOINCREMENT, data BLOB, timestamp FLOAT, priority INTEGER, crc INTEGER);
CREATE INDEX "pq_order_priority_queue_x" ON "priority_queue_x" (priority, _id);
CREATE TABLE "pq_claims_priority_queue_x" (id INTEGER PRIMARY KEY, owner INTEGER NOT NULL);
CREATE INDEX "pq_owner_priority_queue_x" ON "pq_claims_priority_queue_x" (owner);
CREATE TABLE "pq_dead_priority_queue_x" (id INTEGER PRIMARY KEY, data BLOB, timestamp FLOAT, priority INTEGER, crc INTEGER, attempts INTEGER, failed_at FLOAT, reason TEXT);
INSERT OR IGNORE INTO "pq_meta" (name, version, marks, expired, returned) VALUES (?, ?, 0, 0, 0);

-- all
SELECT _id, data, timestamp, crc, priority FROM "priority_queue_x" WHERE _id > ? ORDER BY _id LIMIT 256;

-- any
SELECT (SELECT _id FROM "priority_queue_x" WHERE _id NOT IN (SELECT id FROM "pq_claims_priority_queue_x") ORDER BY priority, _id LIMIT 1) IS NOT NULL;

-- back
INSERT OR IGNORE INTO "priority_queue_x" (_id, data, timestamp, crc, priority) SELECT id, data, timestamp, crc, priority FROM "pq_dead_priority_queue_x" WHERE id = ?;

-- beyond
SELECT _id, data, timestamp, crc, priority FROM "priority_queue_x" WHERE _id NOT IN (SELECT id FROM "pq_claims_priority_queue_x") AND priority = ? AND _id > ? ORDER BY priority, _id LIMIT ?;

-- by_id
SELECT _id, data, timestamp, crc, priority FROM "priority_queue_x" WHERE _id NOT IN (SELECT id FROM "pq_claims_priority_queue_x") AND _id = ?;

-- certain
SELECT _id, data, timestamp, crc, priority FROM "priority_queue_x" WHERE _id NOT IN (SELECT id FROM "pq_claims_priority_queue_x") AND _id = ?;

-- first
SELECT _id, data, timestamp, crc, priority FROM "priority_queue_x" WHERE _id NOT IN (SELECT id FROM "pq_claims_priority_queue_x") ORDER BY priority, _id LIMIT ?;

-- insert
INSERT INTO "priority_queue_x" (data, timestamp, crc, priority) VALUES (?, ?, ?, ?);

-- insert_all
INSERT INTO "priority_queue_x" (data, timestamp, crc, priority) VALUES (?, ?, ?, ?);

-- insert_new
INSERT OR IGNORE INTO "priority_queue_x" (data, timestamp, crc, priority) VALUES (?, ?, ?, ?);

-- later
SELECT _id, data, timestamp, crc, priority FROM "priority_queue_x" WHERE _id NOT IN (SELECT id FROM "pq_claims_priority_queue_x") AND priority > ? ORDER BY priority, _id LIMIT ?;

-- new
SELECT _id, priority FROM "priority_queue_x" WHERE _id > ? ORDER BY _id LIMIT 65;

-- next
SELECT _id, data, timestamp, crc, priority FROM "priority_queue_x" WHERE _id NOT IN (SELECT id FROM "pq_claims_priority_queue_x") ORDER BY priority, _id LIMIT ?;

-- page
SELECT _id, data, timestamp, crc, priority FROM "priority_queue_x" WHERE _id NOT IN (SELECT id FROM "pq_claims_priority_queue_x") AND (priority > ? OR (priority = ? AND _id > ?)) ORDER BY priority, _id LIMIT 256;

-- peek
SELECT _id, data, timestamp, crc, priority FROM "priority_queue_x" WHERE _id NOT IN (SELECT id FROM "pq_claims_priority_queue_x") ORDER BY priority, _id LIMIT 1;

-- put_back
INSERT OR IGNORE INTO "priority_queue_x" (_id, data, timestamp, crc, priority) VALUES (?, ?, ?, ?, ?);

-- some
SELECT count(*) FROM (SELECT 1 FROM "priority_queue_x" WHERE _id NOT IN (SELECT id FROM "pq_claims_priority_queue_x") ORDER BY priority, _id LIMIT ?) AS few;
