package percpu

// decode returns the offsets that this platform's procPin uses, or false when it is not what it should be.
func decode(code []byte) (offsets, bool) { return decodeX86(code) }
