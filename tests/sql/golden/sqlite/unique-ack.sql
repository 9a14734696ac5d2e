-- unique-ack, sqlite: as ack.sql with other names of tables, but for this

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
-- put_new: bound, some, same, insert, add, drop, drop_item, redrive
-- put_part: insert_all
-- put_timed: bound, some, keyed, update, retime, same, drop, drop_item, redrive, insert, add_timed
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
-- update: same, status, drop, drop_item, update

-- the tables
SELECT name FROM pragma_table_info(?);
SELECT name FROM pragma_table_info(?);
CREATE TABLE IF NOT EXISTS "pq_meta" (name TEXT PRIMARY KEY, version INTEGER NOT NULL, marks INTEGER NOT NULL, expired INTEGER NOT NULL, returned INTEGER NOT NULL);
CREATE TABLE "ack_unique_queue_x" (_id INTEGER PRIMARY KEY AUTOINCREMENT, data BLOB, timestamp FLOAT, status INTEGER, crc INTEGER, UNIQUE (data));
CREATE TABLE "pq_state_ack_unique_queue_x" (id INTEGER PRIMARY KEY, status INTEGER NOT NULL, priority INTEGER NOT NULL, due FLOAT, expires FLOAT, attempts INTEGER NOT NULL, token INTEGER NOT NULL, owner INTEGER, changed FLOAT, dedupe_key TEXT, reason TEXT);
CREATE INDEX "pq_order_ack_unique_queue_x" ON "pq_state_ack_unique_queue_x" (status DESC, priority, id, due);
CREATE INDEX "pq_due_ack_unique_queue_x" ON "pq_state_ack_unique_queue_x" (due) WHERE due IS NOT NULL;
CREATE INDEX "pq_key_ack_unique_queue_x" ON "pq_state_ack_unique_queue_x" (dedupe_key) WHERE dedupe_key IS NOT NULL;
INSERT INTO "pq_state_ack_unique_queue_x" (id, status, priority, attempts, token) SELECT _id, CASE WHEN status IN (2, 5, 9) THEN status ELSE 1 END, 0, 0, 0 FROM "ack_unique_queue_x";
INSERT OR IGNORE INTO "pq_meta" (name, version, marks, expired, returned) VALUES (?, ?, 0, 0, 0);

-- same
SELECT id, status FROM "pq_state_ack_unique_queue_x" WHERE id = (SELECT _id FROM "ack_unique_queue_x" WHERE data = ?);
