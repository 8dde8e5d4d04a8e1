// Command web is the service that the end-to-end tests scale: small, honest about readiness, and patient when stopped.
//
//	GET /            "<HOSTNAME> <VERSION>", after WORK and BURN
//	GET /healthz     "ok" as long as the process lives
//	GET /readiness   200 once STARTUP is over, 503 before that and for ever with NEVER_READY
//	GET /metrics     http_requests_total, in Prometheus' text format
//
// Environment: STARTUP, WORK, BURN, DRAIN and CRASH are Go durations, absent means none. WORK is slept, BURN keeps a CPU
// busy. CRASH ends the process with exit code 1 when it has run that long. NEVER_READY is on unless empty. FAIL_RATE is the share of requests to / and /healthz that fail,
// with status STATUS; STATUS alone makes all of them fail, FAIL_RATE alone means status 500.
//
// "web pause" serves nothing and waits to be stopped: the container that holds a pod's namespaces.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"math/rand/v2"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

// settings is the environment, read once: a pod keeps what it was started with.
type settings struct {
	startup, work, burn, drain, crash time.Duration
	neverReady                        bool
	failRate                          float64
	status                            int
	answer                            string
}

type web struct {
	settings
	readyAt  time.Time
	requests atomic.Int64
	draining atomic.Bool
}

func main() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, os.Interrupt)
	if len(os.Args) > 1 && os.Args[1] == "pause" {
		<-stop
		return
	}
	s, err := fromEnvironment()
	if err != nil {
		log.Fatal(err)
	}
	w := &web{settings: s, readyAt: time.Now().Add(s.startup)}
	if s.crash > 0 {
		time.AfterFunc(s.crash, func() { log.Fatalf("CRASH after %s", s.crash) })
	}
	server := &http.Server{Addr: ":8080", Handler: w.lastAnswers(w.routes())}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-stop
		w.drainAndStop(server)
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
	<-stopped // ListenAndServe returns when Shutdown begins; what is in flight is finished when it ends
}

func (w *web) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(out http.ResponseWriter, _ *http.Request) {
		if w.fails(out) {
			return
		}
		w.requests.Add(1)
		time.Sleep(w.work)
		for begun := time.Now(); time.Since(begun) < w.burn; {
		}
		fmt.Fprintln(out, w.answer)
	})
	mux.HandleFunc("GET /healthz", func(out http.ResponseWriter, _ *http.Request) {
		if !w.fails(out) {
			fmt.Fprintln(out, "ok")
		}
	})
	mux.HandleFunc("GET /readiness", func(out http.ResponseWriter, _ *http.Request) {
		if w.neverReady || time.Now().Before(w.readyAt) {
			http.Error(out, "starting", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(out, "ready")
	})
	mux.HandleFunc("GET /metrics", func(out http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(out, "# TYPE http_requests_total counter\nhttp_requests_total %d\n", w.requests.Load())
	})
	return mux
}

func (w *web) fails(out http.ResponseWriter) bool {
	failing := rand.Float64() < w.failRate
	if failing {
		http.Error(out, "failing, as told", w.status)
	}
	return failing
}

// lastAnswers tells clients that keep connections open to open a new one elsewhere, once this pod has been told to stop.
// Closing an idle connection instead would race with the request that is just being sent on it.
func (w *web) lastAnswers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		if w.draining.Load() {
			out.Header().Set("Connection", "close")
		}
		next.ServeHTTP(out, in)
	})
}

// drainAndStop goes on serving for DRAIN: endpoints and proxies learn of a deleted pod only after the pod does.
func (w *web) drainAndStop(server *http.Server) {
	w.draining.Store(true)
	time.Sleep(w.drain)
	if err := server.Shutdown(context.Background()); err != nil {
		log.Print(err)
	}
}

func fromEnvironment() (settings, error) {
	host := os.Getenv("HOSTNAME")
	s := settings{answer: host + " " + os.Getenv("VERSION"), status: http.StatusInternalServerError}
	for name, into := range map[string]*time.Duration{"STARTUP": &s.startup, "WORK": &s.work, "BURN": &s.burn, "DRAIN": &s.drain, "CRASH": &s.crash} {
		if text := os.Getenv(name); text != "" {
			value, err := time.ParseDuration(text)
			if err != nil {
				return s, fmt.Errorf("%s=%q: a Go duration such as 250ms or 5s is expected", name, text)
			}
			*into = value
		}
	}
	s.neverReady = os.Getenv("NEVER_READY") != ""
	if text := os.Getenv("STATUS"); text != "" {
		code, err := strconv.Atoi(text)
		if err != nil || code < 200 || code > 599 {
			return s, fmt.Errorf("STATUS=%q: a status code from 200 to 599 is expected", text)
		}
		s.status, s.failRate = code, 1
	}
	if text := os.Getenv("FAIL_RATE"); text != "" {
		share, err := strconv.ParseFloat(text, 64)
		if err != nil || share < 0 || share > 1 {
			return s, fmt.Errorf("FAIL_RATE=%q: a share from 0 to 1 is expected", text)
		}
		s.failRate = share
	}
	return s, nil
}
