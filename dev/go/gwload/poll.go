package main

import (
	"syscall"
	"time"
	"unsafe"
)

// poller waits for sockets and for a moment, whichever is first.
type poller struct {
	fd, timer int
	events    [256]syscall.EpollEvent
	began     time.Time
}

const timerMonotonic = 1

func newPoller() (*poller, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	timer, _, failed := syscall.RawSyscall(
		syscall.SYS_TIMERFD_CREATE, timerMonotonic, syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if failed != 0 {
		return nil, failed
	}
	p := &poller{fd: fd, timer: int(timer), began: time.Now()}
	return p, p.watch(p.timer, syscall.EPOLLIN)
}

// now is the time in nanoseconds since the poller was made.
func (p *poller) now() int64 { return int64(time.Since(p.began)) }

func (p *poller) watch(fd int, events uint32) error {
	return syscall.EpollCtl(p.fd, syscall.EPOLL_CTL_ADD, fd, &syscall.EpollEvent{Events: events, Fd: int32(fd)})
}

func (p *poller) change(fd int, events uint32) error {
	return syscall.EpollCtl(p.fd, syscall.EPOLL_CTL_MOD, fd, &syscall.EpollEvent{Events: events, Fd: int32(fd)})
}

// wait returns what is ready, or nothing once `due` has come; what is due is 0 where nothing is.
func (p *poller) wait(due int64) ([]syscall.EpollEvent, error) {
	if due > 0 {
		p.arm(max(due-p.now(), 1))
	}
	n, err := syscall.EpollWait(p.fd, p.events[:], -1)
	if err == syscall.EINTR {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	ready := p.events[:0]
	for _, event := range p.events[:n] {
		if int(event.Fd) != p.timer {
			ready = append(ready, event)
			continue
		}
		var times [8]byte
		syscall.Read(p.timer, times[:])
	}
	return ready, nil
}

// arm sets the timer; milliseconds, as epoll itself counts, are too coarse.
func (p *poller) arm(after int64) {
	spec := [4]int64{0, 0, after / int64(time.Second), after % int64(time.Second)}
	syscall.RawSyscall6(syscall.SYS_TIMERFD_SETTIME, uintptr(p.timer), 0, uintptr(unsafe.Pointer(&spec)), 0, 0, 0)
}

func noDelay(fd int) error {
	return syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
}

func loopback(port int) *syscall.SockaddrInet4 {
	return &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}
}
