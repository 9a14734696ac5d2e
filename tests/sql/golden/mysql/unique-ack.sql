-- unique-ack, mysql: as ack.sql with other names of tables, but for this

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
-- put_new: bound, some, same, insert, drop_item, redrive
-- put_part: insert_all
-- put_timed: bound, some, keyed, update, retime, same, drop_item, redrive, insert, insert_timed
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
-- update: same, status, drop_item, update

-- the tables
SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = %s;
SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = %s;
CREATE TABLE IF NOT EXISTS `pq_meta` (name VARCHAR(255) PRIMARY KEY, version BIGINT NOT NULL, marks BIGINT NOT NULL, expired BIGINT NOT NULL, returned BIGINT NOT NULL) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE IF NOT EXISTS `ack_unique_queue_x` (_id BIGINT PRIMARY KEY AUTO_INCREMENT, data LONGBLOB, timestamp DOUBLE, crc BIGINT, status BIGINT NOT NULL, priority BIGINT NOT NULL, due DOUBLE, expires DOUBLE, attempts BIGINT NOT NULL, token BIGINT NOT NULL, owner BIGINT, changed DOUBLE, dedupe_key VARCHAR(255), reason LONGTEXT, digest BINARY(32) GENERATED ALWAYS AS (UNHEX(SHA2(data, 256))) STORED, UNIQUE KEY pq_unique (digest), KEY `pq_ready_ack_unique_queue_x` (status, priority, _id, due), KEY `pq_leased_ack_unique_queue_x` (status, owner), KEY `pq_settled_ack_unique_queue_x` (status, _id), KEY `pq_due_ack_unique_queue_x` (due), KEY `pq_key_ack_unique_queue_x` (dedupe_key)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `pq_meta` (name, version, marks, expired, returned) VALUES (%s, %s, 0, 0, 0) ON DUPLICATE KEY UPDATE name = name;

-- insert
INSERT INTO `ack_unique_queue_x` (data, timestamp, status, crc, priority, attempts, token) VALUES (%s, (UNIX_TIMESTAMP(NOW(6)) + 0e0), 1, %s, %s, 0, 0) ON DUPLICATE KEY UPDATE _id = LAST_INSERT_ID(_id);

-- insert_timed
INSERT INTO `ack_unique_queue_x` (data, timestamp, crc, status, priority, due, expires, attempts, token, dedupe_key) VALUES (%s, (UNIX_TIMESTAMP(NOW(6)) + 0e0), %s, %s, %s, (UNIX_TIMESTAMP(NOW(6)) + 0e0) + %s, (UNIX_TIMESTAMP(NOW(6)) + 0e0) + %s, 0, 0, %s) ON DUPLICATE KEY UPDATE _id = LAST_INSERT_ID(_id);

-- same
SELECT _id, status FROM `ack_unique_queue_x` WHERE digest = UNHEX(SHA2(%s, 256)) FOR UPDATE;
