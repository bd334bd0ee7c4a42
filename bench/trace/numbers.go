package trace

// numbers maps the numbers of live blocks to their slots. Numbers only grow and
// most blocks die young, so it is a table of pages of which the empty ones are
// reused.
type numbers struct {
	pages []*numberPage
	spare []*numberPage
}

const numberPageLen = 1024

type numberPage struct {
	live  int
	slots [numberPageLen]uint32 // slot plus one; 0: not live
}

// set enters a number that was not live. Numbers are entered in order.
func (n *numbers) set(number, slot uint32) {
	at := int(number / numberPageLen)
	if at == len(n.pages) {
		n.pages = append(n.pages, n.page())
	}
	p := n.pages[at]
	if p == nil { // emptied while it was still the newest
		p = n.page()
		n.pages[at] = p
	}
	p.slots[number%numberPageLen] = slot + 1
	p.live++
}

func (n *numbers) page() *numberPage {
	if k := len(n.spare) - 1; k >= 0 {
		p := n.spare[k]
		n.spare = n.spare[:k]
		return p
	}
	return new(numberPage)
}

// get returns the slot of a number and whether it is live.
func (n *numbers) get(number uint32) (slot uint32, ok bool) {
	p := n.pages[number/numberPageLen]
	if p == nil {
		return 0, false
	}
	s := p.slots[number%numberPageLen]
	return s - 1, s != 0
}

// clear removes a live number.
func (n *numbers) clear(number uint32) {
	at := number / numberPageLen
	p := n.pages[at]
	p.slots[number%numberPageLen] = 0
	if p.live--; p.live == 0 { // so all its slots are zero
		n.spare = append(n.spare, p)
		n.pages[at] = nil
	}
}
