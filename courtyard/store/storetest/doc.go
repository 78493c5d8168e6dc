// Package storetest runs one test on every engine. A promise that only one
// engine keeps is found the day it is broken, not the day somebody moves house.
package storetest
