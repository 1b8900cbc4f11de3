-- Holds the number of a migration that is made elsewhere; goes when that one comes.
SELECT 1;
