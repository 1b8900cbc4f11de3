-- name: epoch
-- Names the one history that offsets and positions are valid in.
SELECT current_epoch() AS epoch;

-- name: open_generation
-- Opens another history: the one that clients know has ended.
UPDATE log_epoch SET generation = new_generation() RETURNING generation;
