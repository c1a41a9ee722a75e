// Program discovery_client does what Talos nodes and the reference's own tests do to a
// discovery service, and fails unless the service answers as theirs does:
//
//	discovery_client [FLAGS] ADDRESS SCENARIO
//
// Without SCENARIO it lists them. Where a scenario needs the service restarted or told
// to redirect, it prints "ask WHAT" and goes on when it reads a line: whoever runs it
// sees to that.
package main

import (
	"bufio"
	"crypto/rand"
	"encoding/hex"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"
)

// setting is what a scenario runs against.
type setting struct {
	address string
	// other is the address of a second service.
	other string
	tls   bool
	ca    string
	// run begins every cluster ID: a service may remember earlier runs.
	run      string
	key      []byte
	duration time.Duration
	redirect string
}

type scenario func(*setting) error

func scenarios() map[string]scenario {
	all := map[string]scenario{
		"TwoClients":      twoClients,
		"AffiliateExpire": affiliateExpire,
		"Cluster1":        cluster(5),
		"Cluster2":        cluster(15),
		"Cluster3":        cluster(50),
		"ClientRedirect":  clientRedirect,
		"Churn":           churn,
		"Idle":            idle,
		"Restart":         restart,
		"Drain":           drain,
		"Failover":        failover,
		"Company":         company,
	}
	maps.Copy(all, apiScenarios())
	maps.Copy(all, validationScenarios())

	return all
}

var answers = bufio.NewReader(os.Stdin)

// ask has whoever runs us do something, and waits until it is done.
func ask(what string) error {
	fmt.Println("ask " + what)

	if _, err := answers.ReadString('\n'); err != nil {
		return fmt.Errorf("asked to %s: %w", what, err)
	}

	return nil
}

func run() error {
	var s setting

	run, key := "", ""
	flag.StringVar(&s.other, "other", "", "address of a second service")
	flag.BoolVar(&s.tls, "tls", false, "use TLS")
	flag.StringVar(&s.ca, "ca", "", "PEM `file` to trust instead of the system's roots")
	flag.StringVar(&run, "run", "", "begin cluster IDs with this (default: random)")
	flag.StringVar(&key, "key", "", "cluster secret in `hex` (default: random)")
	flag.StringVar(&s.redirect, "redirect", "", "the redirect the service is told to give")
	flag.DurationVar(&s.duration, "duration", 130*time.Second, "how long to be idle")
	flag.Parse()

	play, known := scenarios()[flag.Arg(1)]
	if !known {
		for _, name := range slices.Sorted(maps.Keys(scenarios())) {
			fmt.Println(name)
		}

		return fmt.Errorf("no such scenario: %q", flag.Arg(1))
	}

	s.address, s.run, s.key = flag.Arg(0), run, make([]byte, 32)
	if _, err := rand.Read(s.key); err != nil {
		return err
	}

	if s.run == "" {
		s.run = hex.EncodeToString(s.key[:8])
	}

	if key != "" {
		raw, err := hex.DecodeString(key)
		if err != nil {
			return err
		}

		s.key = raw
	}

	return play(&s)
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
