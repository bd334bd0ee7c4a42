package mdl

// MuteForTest makes a sender deaf: it reads no releases, as if it were busy.
func (s *Sender) MuteForTest() { s.mute(true) }

// UnmuteForTest ends it.
func (s *Sender) UnmuteForTest() { s.mute(false) }

func (s *Sender) mute(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serving = on // reap leaves reading to Serve
}
