package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	var o album
	flag.StringVar(&o.folder, "out", "shots", "folder for the pictures")
	flag.StringVar(&o.only, "only", "", "pages to take, with commas between; every page when empty")
	flag.StringVar(&o.langs, "lang", "en,ur", "languages")
	flag.StringVar(&o.views, "view", "", "part of the names of the views to take: phone, desktop-dark ...")
	flag.IntVar(&o.scale, "scale", 1, "pixels of the picture for a pixel of the page")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := o.take(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "shots:", err)
		os.Exit(1)
	}
}
