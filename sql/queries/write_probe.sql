-- name: alive
SELECT 1;

-- name: can_write
SELECT can_write($1::boolean) AS so;
