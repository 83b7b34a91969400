// Parses each line of a file with go-syslog: the peer of bench_parse_text.py. The file is in memory
// before the clock starts; with "kept" all messages are held to the end, as columns are.
// Prints the seconds it took, the messages it parsed and those of severity "error" or worse.
package main

import (
	"bytes"
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
	keep := os.Args[3] == "kept"
	rest, err := os.ReadFile(os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var kept []syslog.Message
	parsed, errors := 0, 0
	begin := time.Now()
	for len(rest) > 0 {
		line := rest
		if end := bytes.IndexByte(rest, '\n'); end >= 0 {
			line, rest = rest[:end], rest[end+1:]
		} else {
			rest = nil
		}
		message, err := machine.Parse(line)
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
		if keep {
			kept = append(kept, message)
		}
	}
	took := time.Since(begin).Seconds()
	runtime.KeepAlive(kept)
	fmt.Println(took, parsed, errors)
}
