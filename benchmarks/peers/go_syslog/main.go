// Reads a file line by line and parses each line with go-syslog: the peer of bench_parse_text.py.
// Prints the seconds it took, the messages it parsed and those of severity "error" or worse.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"time"

	syslog "github.com/leodido/go-syslog/v4"
	"github.com/leodido/go-syslog/v4/rfc3164"
	"github.com/leodido/go-syslog/v4/rfc5424"
)

func main() {
	runtime.GOMAXPROCS(1)
	var machine syslog.Machine
	if os.Args[1] == "rfc5424" {
		machine = rfc5424.NewMachine()
	} else {
		machine = rfc3164.NewMachine(rfc3164.WithYear(rfc3164.CurrentYear{}))
	}
	begin := time.Now()
	file, err := os.Open(os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(make([]byte, 1<<20), 1<<20)
	parsed, errors := 0, 0
	for lines.Scan() {
		message, err := machine.Parse(lines.Bytes())
		if err != nil {
			continue
		}
		parsed++
		var severity *uint8
		switch m := message.(type) {
		case *rfc5424.SyslogMessage:
			severity = m.Severity
		case *rfc3164.SyslogMessage:
			severity = m.Severity
		}
		if severity != nil && *severity <= 3 {
			errors++
		}
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(time.Since(begin).Seconds(), parsed, errors)
}
