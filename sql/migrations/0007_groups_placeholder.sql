-- Another change's number; this file goes when that one comes.
SELECT 1;
