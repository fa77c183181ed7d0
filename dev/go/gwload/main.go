// Command gwload measures gateways: `gwload serve` plays engines, `gwload load` asks through a gateway.
//
// Both are one thread around epoll, so that on a core that they share little of it goes to them.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
)

func main() {
	runtime.GOMAXPROCS(1)
	programs := map[string]func([]string) (any, error){"serve": serve, "load": load}
	if len(os.Args) < 2 || programs[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: gwload serve|load [flags]")
		os.Exit(2)
	}
	told, err := programs[os.Args[1]](os.Args[2:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(told); err != nil {
		os.Exit(1)
	}
}
