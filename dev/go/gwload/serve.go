package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// engines answer as vLLM does, on a port for each pod; they compute nothing.
type engines struct {
	poller *poller
	ports  map[int]*port // by the listening socket
	open   map[int]*client
	// Streams by what they wait for: all of a queue wait equally long, so the first is due first.
	first, next queue
	plain, done []byte
	buffer      []byte
}

// port is what one engine has seen.
type port struct {
	Port     int   `json:"port"`
	Requests int   `json:"requests"`
	Aborted  int   `json:"aborted"` // streams whose client went away
	Last     int64 `json:"last"`    // when the last request came, in nanoseconds since 1970
}

// client is one connection to an engine.
type client struct {
	fd      int
	at      *port
	in, out []byte
	chunks  int // still to be sent, of the stream that runs
	number  int
	gone    bool
}

// queue holds streams in the order in which they are due.
type queue struct {
	delay  int64
	due    []due
	behind int
}

type due struct {
	at     int64
	client *client
}

func (q *queue) push(now int64, c *client) { q.due = append(q.due, due{now + q.delay, c}) }

func (q *queue) soonest() int64 {
	if q.behind == len(q.due) {
		q.due, q.behind = q.due[:0], 0
		return 0
	}
	return q.due[q.behind].at
}

func (q *queue) pop() *client {
	q.behind++
	return q.due[q.behind-1].client
}

const streamHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n" +
	"Transfer-Encoding: chunked\r\n\r\n"

func serve(arguments []string) (any, error) {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	ports := flags.String("ports", "", "where to listen on 127.0.0.1, with commas between; 0 is any")
	model := flags.String("model", "chat", "name of the model")
	first := flags.Duration("first", 50*time.Millisecond, "time to a stream's first chunk")
	gap := flags.Duration("gap", 20*time.Millisecond, "time between its chunks")
	if err := flags.Parse(arguments); err != nil {
		return nil, err
	}
	poller, err := newPoller()
	if err != nil {
		return nil, err
	}
	e := &engines{
		poller: poller, ports: map[int]*port{}, open: map[int]*client{},
		first: queue{delay: int64(*first)}, next: queue{delay: int64(*gap)},
		plain: []byte(answer(*model)), done: chunk("data: [DONE]\n\n"), buffer: make([]byte, 1<<16),
	}
	if err := e.listen(*ports); err != nil {
		return nil, err
	}
	return nil, e.run()
}

// listen opens the ports and tells them, on one line.
func (e *engines) listen(ports string) error {
	var told []int
	for _, text := range strings.Split(ports, ",") {
		number, err := strconv.Atoi(text)
		if err != nil {
			return err
		}
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
		if err := syscall.Bind(fd, loopback(number)); err != nil {
			return fmt.Errorf("port %d: %w", number, err)
		}
		if err := syscall.Listen(fd, 4096); err != nil {
			return err
		}
		name, err := syscall.Getsockname(fd)
		if err != nil {
			return err
		}
		number = name.(*syscall.SockaddrInet4).Port
		e.ports[fd] = &port{Port: number}
		told = append(told, number)
		if err := e.poller.watch(fd, syscall.EPOLLIN); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"ports": told})
}

func (e *engines) run() error {
	for {
		ready, err := e.poller.wait(e.soonest())
		if err != nil {
			return err
		}
		for _, event := range ready {
			fd := int(event.Fd)
			if at := e.ports[fd]; at != nil {
				e.accept(fd, at)
			} else if c := e.open[fd]; c != nil {
				e.ready(c, event.Events)
			}
		}
		e.sendDue()
	}
}

func (e *engines) soonest() int64 {
	first, next := e.first.soonest(), e.next.soonest()
	if first == 0 || (next != 0 && next < first) {
		return next
	}
	return first
}

func (e *engines) accept(listening int, at *port) {
	for {
		fd, _, err := syscall.Accept4(listening, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
		if err != nil {
			return
		}
		if noDelay(fd) != nil || e.poller.watch(fd, syscall.EPOLLIN) != nil {
			syscall.Close(fd)
			continue
		}
		e.open[fd] = &client{fd: fd, at: at}
	}
}

func (e *engines) ready(c *client, events uint32) {
	if events&syscall.EPOLLOUT != 0 && len(c.out) > 0 {
		e.send(c, nil)
	}
	if events&^uint32(syscall.EPOLLOUT) == 0 {
		return
	}
	n, err := syscall.Read(c.fd, e.buffer)
	if err == syscall.EAGAIN {
		return
	}
	if n <= 0 {
		e.close(c)
		return
	}
	c.in = append(c.in, e.buffer[:n]...)
	for !c.gone && c.chunks == 0 {
		used := whole(c.in)
		if used == 0 {
			return
		}
		e.reply(c, c.in[:used])
		c.in = c.in[:copy(c.in, c.in[used:])]
	}
}

// whole is the length of the first request in `data`, 0 when it is not all there.
func whole(data []byte) int {
	end := bytes.Index(data, []byte("\r\n\r\n"))
	if end < 0 {
		return 0
	}
	head := bytes.ToLower(data[:end+2])
	if field(head, "transfer-encoding") == "chunked" {
		last := bytes.Index(data[end:], []byte("\r\n0\r\n\r\n"))
		if last < 0 {
			return 0
		}
		return end + last + 7
	}
	length, _ := strconv.Atoi(field(head, "content-length"))
	if end+4+length > len(data) {
		return 0
	}
	return end + 4 + length
}

var streams = [][]byte{[]byte(`"stream":true`), []byte(`"stream": true`)}

func (e *engines) reply(c *client, request []byte) {
	if bytes.HasPrefix(request, []byte("GET /_seen ")) {
		seen := make([]*port, 0, len(e.ports))
		for _, at := range e.ports {
			seen = append(seen, at)
		}
		told, _ := json.Marshal(seen)
		e.send(c, whole200(told))
		return
	}
	if !bytes.HasPrefix(request, []byte("POST ")) {
		e.send(c, whole200([]byte(`{"object":"list","data":[{"id":"chat","object":"model"}]}`)))
		return
	}
	c.at.Requests++
	c.at.Last = time.Now().UnixNano()
	if !bytes.Contains(request, streams[0]) && !bytes.Contains(request, streams[1]) {
		e.send(c, e.plain)
		return
	}
	c.chunks, c.number = asked(request), 0
	e.first.push(e.poller.now(), c)
}

// asked is how many chunks a request wants: its max_tokens.
func asked(request []byte) int {
	_, rest, found := bytes.Cut(request, []byte(`"max_tokens":`))
	number := 0
	for _, digit := range bytes.TrimLeft(rest, " ") {
		if digit < '0' || digit > '9' {
			break
		}
		number = 10*number + int(digit-'0')
	}
	if !found || number == 0 {
		return 64
	}
	return number
}

func (e *engines) sendDue() {
	now := e.poller.now()
	for _, queue := range []*queue{&e.first, &e.next} {
		for at := queue.soonest(); at != 0 && at <= now; at = queue.soonest() {
			if c := queue.pop(); !c.gone {
				e.sendChunk(c, now)
			}
		}
	}
}

func (e *engines) sendChunk(c *client, now int64) {
	var out []byte
	if c.number == 0 {
		// Headers with the first token, as our middleware in vLLM holds them.
		out = append(out, streamHead...)
	}
	out = append(out, chunk(event(c.number))...)
	c.number++
	c.chunks--
	if c.chunks == 0 {
		out = append(append(out, e.done...), "0\r\n\r\n"...)
	} else {
		e.next.push(now, c)
	}
	e.send(c, out)
}

// send writes what it can at once and the rest when the socket takes it.
func (e *engines) send(c *client, data []byte) {
	waited := len(c.out) > 0
	c.out = append(c.out, data...)
	n, err := syscall.Write(c.fd, c.out)
	if err != nil && err != syscall.EAGAIN {
		e.close(c)
		return
	}
	c.out = c.out[:copy(c.out, c.out[max(n, 0):])]
	if waits := len(c.out) > 0; waits != waited {
		events := uint32(syscall.EPOLLIN)
		if waits {
			events |= syscall.EPOLLOUT
		}
		e.poller.change(c.fd, events)
	}
}

func (e *engines) close(c *client) {
	if c.gone {
		return
	}
	if c.chunks > 0 {
		c.at.Aborted++
	}
	c.gone = true
	delete(e.open, c.fd)
	syscall.Close(c.fd)
}

func whole200(body []byte) []byte {
	head := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", len(body))
	return append([]byte(head), body...)
}

// answer is a chat completion of about 1 KB.
func answer(model string) string {
	text := strings.Repeat("The quick brown fox jumps over the lazy dog. ", 16)
	body := fmt.Sprintf(`{"id":"chatcmpl-0","object":"chat.completion","created":1764000000,"model":%q,`+
		`"choices":[{"index":0,"message":{"role":"assistant","content":%q},"logprobs":null,"finish_reason":"stop"}],`+
		`"usage":{"prompt_tokens":64,"completion_tokens":160,"total_tokens":224},"system_fingerprint":null}`, model, text)
	return string(whole200([]byte(body)))
}

// event is one token of a stream, about 200 bytes.
func event(number int) string {
	return `data: {"id":"chatcmpl-0","object":"chat.completion.chunk","created":1764000000,"model":"chat",` +
		`"choices":[{"index":0,"delta":{"content":" token` + strconv.Itoa(number) + `"},"logprobs":null,"finish_reason":null}]}` + "\n\n"
}

func chunk(text string) []byte {
	return []byte(strconv.FormatInt(int64(len(text)), 16) + "\r\n" + text + "\r\n")
}
