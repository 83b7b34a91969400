INSERT INTO ledger VALUES ($1, $2, $3, $4, $5, $6, now())
