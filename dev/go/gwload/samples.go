package main

import "slices"

// samples is what was seen.
type samples struct {
	Begun  int            `json:"begun"`
	Served int            `json:"served"`
	Chunks int            `json:"chunks"`
	Failed map[string]int `json:"failed"` // by kind

	took, firsts, gaps times
	looked             int64
}

// times are in nanoseconds.
type times []int64

func (t *times) add(one int64) { *t = append(*t, one) }

// spread has milliseconds.
type spread struct {
	Middle float64 `json:"p50"`
	High   float64 `json:"p99"`
	Most   float64 `json:"most"`
}

func (t times) spread() spread {
	if len(t) == 0 {
		return spread{}
	}
	slices.Sort(t)
	at := func(part float64) float64 { return float64(t[int(part*float64(len(t)-1))]) / 1e6 }
	return spread{at(0.5), at(0.99), at(1)}
}

type told struct {
	*samples
	Seconds float64 `json:"seconds"`
	Took    spread  `json:"took"`
	First   spread  `json:"first"` // until a stream's first event
	Gaps    spread  `json:"gaps"`  // between its events
}

func (s *samples) told(seconds float64) told {
	return told{s, seconds, s.took.spread(), s.firsts.spread(), s.gaps.spread()}
}
