// Package journal delivers what has happened, in order.
package journal
