DELETE FROM windows WHERE epoch_us(window_start) IN (SELECT unnest($1::BIGINT[]))
