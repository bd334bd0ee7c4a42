package sys

import (
	"os"
	"strconv"
	"strings"
)

// Nodes lists the numbers of the machine's NUMA nodes that are online, ascending. A machine that does not say has
// one, number 0.
func Nodes() []int {
	text, err := os.ReadFile("/sys/devices/system/node/online")
	if err != nil {
		return []int{0}
	}
	if nodes := parseNodes(string(text)); len(nodes) > 0 {
		return nodes
	}
	return []int{0}
}

// NumNodes is how many NUMA nodes are online, at least 1.
func NumNodes() int { return len(Nodes()) }

// parseNodes reads a list like "0-1,4"; nil where it makes no sense.
func parseNodes(text string) []int {
	var nodes []int
	for part := range strings.SplitSeq(strings.TrimSpace(text), ",") {
		first, last, isRange := strings.Cut(part, "-")
		lo, err := strconv.Atoi(first)
		if err != nil {
			return nil
		}
		hi := lo
		if isRange {
			if hi, err = strconv.Atoi(last); err != nil || hi-lo > 4096 {
				return nil
			}
		}
		for n := lo; n <= hi; n++ {
			nodes = append(nodes, n)
		}
	}
	return nodes
}
