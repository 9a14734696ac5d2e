-- filo, postgresql: as fifo.sql with other names of tables, but for this

-- any
SELECT (SELECT _id FROM "filo_queue_x" WHERE COALESCE(owner, -1) < 0 ORDER BY _id DESC LIMIT 1) IS NOT NULL;

-- beyond
SELECT _id, data, timestamp, crc FROM "filo_queue_x" WHERE COALESCE(owner, -1) < 0 AND _id < %s ORDER BY _id DESC LIMIT %s;

-- changes
SELECT CONCAT_WS(' ', (SELECT _id FROM "filo_queue_x" WHERE COALESCE(owner, -1) < 0 ORDER BY _id DESC LIMIT 1), max(_id), min(_id)) FROM "filo_queue_x";

-- first
SELECT _id, data, timestamp, crc FROM "filo_queue_x" WHERE COALESCE(owner, -1) < 0 ORDER BY _id DESC LIMIT %s;

-- next
SELECT _id, data, timestamp, crc FROM "filo_queue_x" WHERE COALESCE(owner, -1) < 0 ORDER BY _id DESC LIMIT %s FOR UPDATE SKIP LOCKED;

-- page
SELECT _id, data, timestamp, crc FROM "filo_queue_x" WHERE COALESCE(owner, -1) < 0 AND _id < %s ORDER BY _id DESC LIMIT 256;

-- peek
SELECT _id, data, timestamp, crc FROM "filo_queue_x" WHERE COALESCE(owner, -1) < 0 ORDER BY _id DESC LIMIT 1;

-- some
SELECT count(*) FROM (SELECT 1 FROM "filo_queue_x" WHERE COALESCE(owner, -1) < 0 ORDER BY _id DESC LIMIT %s) AS few;

-- take
DELETE FROM "filo_queue_x" WHERE _id = (SELECT _id FROM "filo_queue_x" WHERE COALESCE(owner, -1) < 0 ORDER BY _id DESC LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING _id, data, timestamp, crc;
