package main

import "runtime/debug"

// version is the version of the rival's module, as it was built in.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || rivalModule == "" {
		return rivalVersion()
	}
	for _, m := range info.Deps {
		if m.Path == rivalModule {
			return m.Path + " " + m.Version
		}
	}
	return rivalModule
}
