// Reads lines, mines them with Loki's Drain; prints seconds of the best of five runs and the number
// of templates. Built inside Loki's module (scripts/bench_peers.sh).
package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/grafana/loki/v3/pkg/pattern/drain"
)

type limits struct{}

func (limits) PatternIngesterTokenizableJSONFields(string) []string { return nil }

func main() {
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		panic(err)
	}
	lines := strings.Split(string(text), "\n")
	best, clusters := 1e9, 0
	for run := 0; run < 5; run++ {
		miner := drain.New("bench", drain.DefaultConfig(), limits{}, drain.FormatUnknown, nil)
		start := time.Now()
		for i, line := range lines {
			miner.Train(line, int64(i))
		}
		if seconds := time.Since(start).Seconds(); seconds < best {
			best = seconds
		}
		clusters = len(miner.Clusters())
	}
	fmt.Println(best, clusters)
}
