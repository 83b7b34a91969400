-- Which ids the segments behind number $1 have.
SELECT seq, ids FROM log_segments WHERE seq > $1
