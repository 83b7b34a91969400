// Parses each line of a file with go-syslog: the peer of bench_parse_text.py. The file is in memory
// before the clock starts; with "kept" all messages are held to the end, as columns are. Each
// processor that the process may use (its affinity) parses a part of the file with a machine of its
// own. Prints the seconds it took, the messages it parsed and those of severity "error" or worse.
package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	syslog "github.com/leodido/go-syslog/v4"
	"github.com/leodido/go-syslog/v4/rfc3164"
	"github.com/leodido/go-syslog/v4/rfc5424"
)

type outcome struct {
	kept           []syslog.Message
	parsed, errors int
}

func machineFor(kind string) syslog.Machine {
	if kind == "rfc5424" {
		return rfc5424.NewMachine()
	}
	return rfc3164.NewMachine(rfc3164.WithYear(rfc3164.CurrentYear{}))
}

func parse(kind string, rest []byte, keep bool) (out outcome) {
	machine := machineFor(kind)
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
		out.parsed++
		var severity *uint8
		switch m := message.(type) {
		case *rfc5424.SyslogMessage:
			severity = m.Severity
		case *rfc3164.SyslogMessage:
			severity = m.Severity
		}
		if severity != nil && *severity <= 3 {
			out.errors++
		}
		if keep {
			out.kept = append(out.kept, message)
		}
	}
	return out
}

func main() {
	data, err := os.ReadFile(os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	begin := time.Now()
	workers := runtime.GOMAXPROCS(0)
	outcomes := make([]outcome, workers)
	var all sync.WaitGroup
	for i := range outcomes {
		part := data
		if i+1 < workers {
			part = data[:len(data)/(workers-i)]
			part = data[:bytes.LastIndexByte(part, '\n')+1]
		}
		data = data[len(part):]
		all.Add(1)
		go func() {
			defer all.Done()
			outcomes[i] = parse(os.Args[1], part, os.Args[3] == "kept")
		}()
	}
	all.Wait()
	took := time.Since(begin).Seconds()
	parsed, errors := 0, 0
	for _, o := range outcomes {
		parsed += o.parsed
		errors += o.errors
	}
	runtime.KeepAlive(outcomes)
	fmt.Println(took, parsed, errors)
}
