-- unique, sqlite: as fifo.sql with other names of tables, but for this

-- the tables
SELECT name FROM pragma_table_info(?);
SELECT name FROM pragma_table_info(?);
SELECT name FROM pragma_table_info(?);
CREATE TABLE IF NOT EXISTS "pq_meta" (name TEXT PRIMARY KEY, version INTEGER NOT NULL, marks INTEGER NOT NULL, expired INTEGER NOT NULL, returned INTEGER NOT NULL);
CREATE TABLE "unique_queue_x" (_id INTEGER PRIMARY KEY AUTOINCREMENT, data BLOB, timestamp FLOAT, crc INTEGER, UNIQUE (data));
CREATE TABLE "pq_claims_unique_queue_x" (id INTEGER PRIMARY KEY, owner INTEGER NOT NULL);
CREATE INDEX "pq_owner_unique_queue_x" ON "pq_claims_unique_queue_x" (owner);
CREATE TABLE "pq_dead_unique_queue_x" (id INTEGER PRIMARY KEY, data BLOB, timestamp FLOAT, priority INTEGER, crc INTEGER, attempts INTEGER, failed_at FLOAT, reason TEXT);
INSERT INTO "pq_meta" (version, name, marks, expired, returned) VALUES (?, ?, 0, 0, 0);
