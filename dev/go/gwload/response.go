package main

import (
	"bytes"
	"errors"
	"strconv"
)

// response reads one HTTP/1.1 answer as it comes, piece by piece.
type response struct {
	code   int
	events int  // of a stream: "data:" lines and their blank line
	ended  bool // a stream said [DONE]
	close  bool // the server will close the connection
	stream bool

	state rest
	head  []byte
	left  int // bytes of the body, or of the chunk
	line  []byte
	tail  []byte
}

// rest is what of the answer is still to come.
type rest int

const (
	restHead rest = iota
	restBody
	restChunkSize
	restChunk
	restChunkEnd
	restTrailer
	restUntilClosed
	restNothing
)

// after a body nothing comes, and after a chunk the end of its line.
func (r rest) after() rest {
	if r == restBody {
		return restNothing
	}
	return restChunkEnd
}

var errMalformed = errors.New("malformed")

var done = []byte("[DONE]")

// reset makes it ready for the next answer on a connection.
func (r *response) reset() {
	*r = response{head: r.head[:0], line: r.line[:0], tail: r.tail[:0]}
}

// feed takes what was read; it tells whether the answer is whole.
func (r *response) feed(data []byte) (bool, error) {
	for len(data) > 0 && r.state != restNothing {
		used, err := r.step(data)
		if err != nil {
			return false, err
		}
		data = data[used:]
	}
	if len(data) > 0 {
		return false, errMalformed
	}
	return r.state == restNothing, nil
}

func (r *response) step(data []byte) (int, error) {
	switch r.state {
	case restHead:
		return r.takeHead(data)
	case restBody, restChunk:
		used := min(r.left, len(data))
		r.payload(data[:used])
		r.left -= used
		if r.left == 0 {
			r.state = r.state.after()
		}
		return used, nil
	case restUntilClosed:
		r.payload(data)
		return len(data), nil
	default:
		return r.takeLine(data)
	}
}

func (r *response) takeHead(data []byte) (int, error) {
	before := len(r.head)
	r.head = append(r.head, data...)
	end := bytes.Index(r.head, []byte("\r\n\r\n"))
	if end < 0 {
		return len(data), nil
	}
	head := bytes.ToLower(r.head[:end+2])
	if len(head) < 12 || !bytes.HasPrefix(head, []byte("http/1.1 ")) {
		return 0, errMalformed
	}
	var err error
	if r.code, err = strconv.Atoi(string(head[9:12])); err != nil {
		return 0, errMalformed
	}
	r.close = field(head, "connection") == "close"
	r.stream = bytes.HasPrefix([]byte(field(head, "content-type")), []byte("text/event-stream"))
	length := field(head, "content-length")
	switch {
	case field(head, "transfer-encoding") == "chunked":
		r.state = restChunkSize
	case length != "":
		if r.left, err = strconv.Atoi(length); err != nil {
			return 0, errMalformed
		}
		r.state = restBody
		if r.left == 0 {
			r.state = restNothing
		}
	default:
		r.state, r.close = restUntilClosed, true
	}
	return end + 4 - before, nil
}

// takeLine reads what stands between the chunks.
func (r *response) takeLine(data []byte) (int, error) {
	end := bytes.IndexByte(data, '\n')
	if end < 0 {
		r.line = append(r.line, data...)
		return len(data), nil
	}
	line := bytes.TrimRight(append(r.line, data[:end]...), "\r")
	r.line = r.line[:0]
	switch r.state {
	case restChunkSize:
		size, _, _ := bytes.Cut(line, []byte(";"))
		left, err := strconv.ParseUint(string(bytes.TrimSpace(size)), 16, 31)
		if err != nil {
			return 0, errMalformed
		}
		r.left, r.state = int(left), restChunk
		if left == 0 {
			r.state = restTrailer
		}
	case restChunkEnd:
		r.state = restChunkSize
	case restTrailer:
		if len(line) == 0 {
			r.state = restNothing
		}
	}
	return end + 1, nil
}

// payload counts the events of a stream: each ends with a blank line, which may come in two pieces.
func (r *response) payload(data []byte) {
	if !r.stream || len(data) == 0 {
		return
	}
	joined := append(r.tail, data...)
	// The tail's own blank line was counted when it came.
	r.events += bytes.Count(joined, []byte("\n\n")) - bytes.Count(r.tail, []byte("\n\n"))
	r.ended = r.ended || bytes.Contains(joined, done)
	keep := min(len(joined), len(done))
	r.tail = append(r.tail[:0], joined[len(joined)-keep:]...)
}

// closed tells whether the answer is whole now that the server has closed the connection.
func (r *response) closed() bool { return r.state == restUntilClosed }

// field is the value of a header in a head of lower case.
func field(head []byte, name string) string {
	at := bytes.Index(head, []byte("\r\n"+name+":"))
	if at < 0 {
		return ""
	}
	value := head[at+len(name)+3:]
	return string(bytes.TrimSpace(value[:bytes.IndexByte(value, '\r')]))
}
