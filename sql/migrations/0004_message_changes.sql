-- A placeholder, so that the numbers have no gap: the merge puts the changes to messages here.
SELECT;
