module logforest/benchmarks/peers/go_syslog

go 1.26.8

require github.com/leodido/go-syslog/v4 v4.5.0
