package main

import (
	"fmt"
	"time"
)

// rollCall counts how often a living node was not known to another: a peer lost, to
// which packets would not have gone.
type rollCall struct {
	stop   chan struct{}
	absent chan int
}

// startRollCall begins when everybody knows everybody.
func startRollCall(nodes []*node) *rollCall {
	r := &rollCall{stop: make(chan struct{}), absent: make(chan int)}

	go func() {
		absent := 0

		for {
			select {
			case <-r.stop:
				r.absent <- absent

				return
			case <-time.After(2 * time.Millisecond):
			}

			for _, n := range nodes {
				absent += max(0, len(nodes)-1-len(n.GetAffiliates()))
			}
		}
	}()

	return r
}

func (r *rollCall) end() {
	close(r.stop)
	fmt.Printf("%d times a living node was not known\n", <-r.absent)
}
