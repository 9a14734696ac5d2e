-- unique, sqlite: as fifo.sql with other names of tables, but for this

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
-- put_many: bound, span, some, insert_new, same, insert_all, last_id, insert
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
-- update: same, exists, update

-- the tables
SELECT name FROM pragma_table_info(?);
SELECT name FROM pragma_table_info(?);
SELECT name FROM pragma_table_info(?);
CREATE TABLE IF NOT EXISTS "pq_meta" (name TEXT PRIMARY KEY, version INTEGER NOT NULL, marks INTEGER NOT NULL, expired INTEGER NOT NULL, returned INTEGER NOT NULL);
CREATE TABLE "unique_queue_x" (_id INTEGER PRIMARY KEY AUTOINCREMENT, data BLOB, timestamp FLOAT, crc INTEGER, UNIQUE (data));
CREATE TABLE "pq_claims_unique_queue_x" (id INTEGER PRIMARY KEY, owner INTEGER NOT NULL);
CREATE INDEX "pq_owner_unique_queue_x" ON "pq_claims_unique_queue_x" (owner);
CREATE TABLE "pq_dead_unique_queue_x" (id INTEGER PRIMARY KEY, data BLOB, timestamp FLOAT, priority INTEGER, crc INTEGER, attempts INTEGER, failed_at FLOAT, reason TEXT);
INSERT OR IGNORE INTO "pq_meta" (name, version, marks, expired, returned) VALUES (?, ?, 0, 0, 0);

-- same
SELECT _id FROM "unique_queue_x" WHERE data = ?;
