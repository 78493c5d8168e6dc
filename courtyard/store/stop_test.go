package store_test

import "runtime"

func stop() { runtime.Goexit() }

func crashChild() {}
