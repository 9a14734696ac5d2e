-- dictionary, mysql

-- the plans, and what each may say
-- clear: clear
-- count: count
-- delete: delete
-- exists: exists
-- get: get
-- page: first, page
-- pop: get, delete
-- pop_last: last, delete
-- set: update, insert
-- set_default: get, insert
-- set_many: update, insert

-- the tables
SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = %s;
SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = %s;
CREATE TABLE IF NOT EXISTS `pq_meta` (name VARCHAR(255) PRIMARY KEY, version BIGINT NOT NULL, marks BIGINT NOT NULL, expired BIGINT NOT NULL, returned BIGINT NOT NULL) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE IF NOT EXISTS `dict_x` (key VARCHAR(255) PRIMARY KEY, data LONGBLOB, crc BIGINT) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `pq_meta` (name, version, marks, expired, returned) VALUES (%s, %s, 0, 0, 0) ON DUPLICATE KEY UPDATE name = name;

-- mark
UPDATE `pq_meta` SET marks = marks + 1 WHERE name = %s;

-- clear
DELETE FROM `dict_x`;

-- count
SELECT count(*) FROM `dict_x`;

-- delete
DELETE FROM `dict_x` WHERE key = %s;

-- exists
SELECT 1 FROM `dict_x` WHERE key = %s;

-- first
SELECT key, data, NULL, crc FROM `dict_x` ORDER BY key LIMIT 256;

-- get
SELECT data, crc FROM `dict_x` WHERE key = %s;

-- insert
INSERT INTO `dict_x` (key, data, crc) VALUES (%s, %s, %s);

-- last
SELECT key, data, NULL, crc FROM `dict_x` ORDER BY key DESC LIMIT 1;

-- page
SELECT key, data, NULL, crc FROM `dict_x` WHERE key > %s ORDER BY key LIMIT 256;

-- update
UPDATE `dict_x` SET data = %s, crc = %s WHERE key = %s;
