package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
)

// plan is what to ask, how, and for how long.
type plan struct {
	port                   int
	rate                   float64
	seconds, grace, expiry time.Duration
	clients                int
	requests               int
	stream                 bool
	chunks                 int
	model                  string
}

// asking is one connection to the gateway, and the request that runs on it.
type asking struct {
	fd        int
	connected bool
	busy      bool
	began     int64 // when it was to be sent: what a gateway holds up is counted
	last      int64 // when the last event of a stream came
	answer    response
}

// generator sends requests at a rate, or from so many clients that each ask again and again.
type generator struct {
	plan
	poller  *poller
	request []byte
	open    map[int]*asking
	idle    []*asking
	running int
	due     int64 // when the next request is to be sent
	start   int64
	end     int64
	begun   int
	ramp    int
	found   samples
	buffer  []byte
	enough  atomic.Bool // told by SIGTERM: no further request, and the result
}

func load(arguments []string) (any, error) {
	var p plan
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	flags.IntVar(&p.port, "port", 0, "of the gateway, on 127.0.0.1")
	flags.Float64Var(&p.rate, "rate", 0, "requests a second; 0: as fast as the clients get answers")
	flags.DurationVar(&p.seconds, "seconds", 5*time.Second, "how long requests are sent")
	flags.DurationVar(&p.grace, "grace", 5*time.Second, "how long what runs may take after that")
	flags.DurationVar(&p.expiry, "expiry", 30*time.Second, "how long one request may take")
	flags.IntVar(&p.clients, "clients", 64, "requests at once; at a rate, the most of them")
	flags.IntVar(&p.requests, "requests", 0, "end after so many; 0: by time alone")
	flags.BoolVar(&p.stream, "stream", false, "ask for streams")
	flags.IntVar(&p.chunks, "chunks", 64, "of each stream")
	flags.StringVar(&p.model, "model", "chat", "name of the model")
	if err := flags.Parse(arguments); err != nil {
		return nil, err
	}
	poller, err := newPoller()
	if err != nil {
		return nil, err
	}
	g := &generator{
		plan: p, poller: poller, request: question(p), open: map[int]*asking{},
		buffer: make([]byte, 1<<16), found: samples{Failed: map[string]int{}},
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	go func() {
		<-signals
		g.enough.Store(true)
	}()
	return g.run()
}

func (g *generator) run() (any, error) {
	g.start = g.poller.now()
	g.due, g.end = g.start, g.start+int64(g.seconds)
	for {
		now := g.poller.now()
		if g.enough.Load() {
			g.end = min(g.end, now)
		}
		if g.isOver() {
			if g.running == 0 || now > g.end+int64(g.grace) {
				break
			}
		} else {
			g.askDue(now)
		}
		g.expire(now)
		ready, err := g.poller.wait(g.wakeUp(now))
		if err != nil {
			return nil, err
		}
		for _, event := range ready {
			if a := g.open[int(event.Fd)]; a != nil {
				g.ready(a)
			}
		}
	}
	if g.running > 0 {
		g.found.Failed["unfinished"] += g.running
	}
	return g.found.told(float64(g.poller.now()-g.start) / 1e9), nil
}

// isOver tells whether no further request is to be sent: at a rate all that were due are, however late.
func (g *generator) isOver() bool {
	if g.requests > 0 && g.begun >= g.requests {
		return true
	}
	if g.rate > 0 {
		return g.due >= g.end
	}
	return g.poller.now() >= g.end
}

// askDue sends what is due: at a rate one after the other, else from each client in turn.
func (g *generator) askDue(now int64) {
	if g.rate == 0 {
		// Streams that begin together would stay together: they begin one after the other.
		for ; g.ramp < g.clients && now >= g.due && !g.isOver(); g.ramp++ {
			g.ask(now)
			if g.stream {
				g.due += int64(time.Second) / int64(g.clients)
			}
		}
		return
	}
	interval := float64(time.Second) / g.rate
	for now >= g.due && !g.isOver() {
		g.ask(g.due)
		g.due = g.start + int64(float64(g.begun)*interval)
	}
}

// wakeUp is when to look again though nothing comes.
func (g *generator) wakeUp(now int64) int64 {
	soon := now + int64(100*time.Millisecond)
	asks := g.rate > 0 || g.ramp < g.clients
	if asks && !g.isOver() && g.due > now && g.due < soon {
		return g.due
	}
	return soon
}

// ask sends a request on a connection that is free, or on a new one.
func (g *generator) ask(began int64) {
	g.begun++
	g.found.Begun++
	if len(g.idle) > 0 {
		a := g.idle[len(g.idle)-1]
		g.idle = g.idle[:len(g.idle)-1]
		g.send(a, began)
		return
	}
	if g.running >= g.clients {
		g.found.Failed["no client free"]++
		return
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		g.found.Failed[err.Error()]++
		return
	}
	noDelay(fd)
	a := &asking{fd: fd, busy: true, began: began}
	err = syscall.Connect(fd, loopback(g.port))
	if err != nil && err != syscall.EINPROGRESS || g.poller.watch(fd, syscall.EPOLLIN|syscall.EPOLLOUT) != nil {
		syscall.Close(fd)
		g.found.Failed["not connected"]++
		return
	}
	g.open[fd] = a
	g.running++
}

func (g *generator) send(a *asking, began int64) {
	if !a.busy {
		g.running++
	}
	a.busy, a.began, a.last = true, began, 0
	a.answer.reset()
	// A request is shorter than any socket's buffer: it goes in one piece or not at all.
	if n, err := syscall.Write(a.fd, g.request); err != nil || n < len(g.request) {
		g.fail(a, "reset")
	}
}

func (g *generator) ready(a *asking) {
	if !a.connected {
		code, err := syscall.GetsockoptInt(a.fd, syscall.SOL_SOCKET, syscall.SO_ERROR)
		if err != nil || code != 0 {
			g.fail(a, "not connected")
			return
		}
		a.connected = true
		g.poller.change(a.fd, syscall.EPOLLIN)
		g.send(a, a.began)
		return
	}
	n, err := syscall.Read(a.fd, g.buffer)
	if err == syscall.EAGAIN {
		return
	}
	if n <= 0 {
		g.closed(a, err)
		return
	}
	events := a.answer.events
	whole, err := a.answer.feed(g.buffer[:n])
	if err != nil || !a.busy {
		g.fail(a, "malformed")
		return
	}
	if a.answer.events > events {
		g.came(a)
	}
	if whole {
		g.ended(a)
	}
}

// came notes the time of an event of a stream.
func (g *generator) came(a *asking) {
	now := g.poller.now()
	if a.last == 0 {
		g.found.firsts.add(now - a.began)
	} else {
		g.found.gaps.add(now - a.last)
	}
	a.last = now
}

// closed is the end of a connection that the server closed.
func (g *generator) closed(a *asking, err error) {
	switch {
	case !a.busy:
		g.drop(a)
	case err == nil && a.answer.closed():
		g.ended(a)
	case a.answer.code == 0:
		g.fail(a, "reset")
	default:
		g.fail(a, "cut")
	}
}

// ended is the end of a whole answer: it may still say that something failed.
func (g *generator) ended(a *asking) {
	switch {
	case a.answer.code != 200:
		g.found.Failed[fmt.Sprint(a.answer.code)]++
	case g.stream && (!a.answer.ended || a.answer.events < g.chunks+1):
		g.found.Failed["cut"]++
	default:
		g.found.Served++
		g.found.Chunks += max(a.answer.events-1, 0)
		g.found.took.add(g.poller.now() - a.began)
	}
	g.running--
	a.busy = false
	again := g.rate == 0 && !g.isOver()
	if a.answer.close {
		g.drop(a)
		if again {
			g.ask(g.poller.now())
		}
		return
	}
	g.idle = append(g.idle, a)
	if again {
		g.ask(g.poller.now())
	}
}

func (g *generator) fail(a *asking, kind string) {
	ran := a.busy
	a.busy = false
	g.drop(a)
	if !ran {
		return
	}
	g.running--
	g.found.Failed[kind]++
	if g.rate == 0 {
		// The client asks again, but not at once: who refuses would be asked without end.
		g.ramp--
		g.due = g.poller.now() + int64(time.Millisecond)
	}
}

func (g *generator) drop(a *asking) {
	delete(g.open, a.fd)
	syscall.Close(a.fd)
	for i, one := range g.idle {
		if one == a {
			g.idle = append(g.idle[:i], g.idle[i+1:]...)
			return
		}
	}
}

// expire gives up what takes too long.
func (g *generator) expire(now int64) {
	if now < g.found.looked+int64(time.Second) {
		return
	}
	g.found.looked = now
	for _, a := range g.open {
		if a.busy && now > a.began+int64(g.expiry) {
			g.fail(a, "took too long")
		}
	}
}

// question is the request, of about 400 bytes.
func question(p plan) []byte {
	body := fmt.Sprintf(`{"model":%q,"messages":[{"role":"system","content":"You are a helpful assistant."},`+
		`{"role":"user","content":"Say in a few words what a gateway in front of language models is for, and why the `+
		`answer to a question may take a while when many people ask at once."}],"max_tokens":%d,"temperature":0.7,`+
		`"stream":%t}`, p.model, p.chunks, p.stream)
	return fmt.Appendf(nil, "POST /v1/chat/completions HTTP/1.1\r\nHost: gateway.bench\r\nUser-Agent: gwload\r\n"+
		"Accept: */*\r\nAuthorization: Bearer none\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		len(body), body)
}
