// Package job is work done later: a durable queue and timers.
package job
