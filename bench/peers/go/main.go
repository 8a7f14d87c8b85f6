// Command callbacks checks each callback, stores it with one prepared INSERT, and answers.
//
// It keeps the delivery alone: no event, no members, no telling of repeats.
package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	_ "github.com/lib/pq"
)

const (
	connections  = 32 // as many as two workers of 16 threads
	maxBodyBytes = 4 << 20
	insert       = `INSERT INTO deliveries
		(received_at, sdk_app_id, command, verdict, peer, query_string, body)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`
)

var (
	app, token, _ = strings.Cut(os.Getenv("SDK_APPS"), ":")
	tolerance, _  = strconv.ParseInt(os.Getenv("SIGN_TOLERANCE_SECONDS"), 10, 64)
)

type answer struct {
	ActionStatus string
	ErrorInfo    string
	ErrorCode    int
}

type callback struct {
	CallbackCommand string
}

func main() {
	url := strings.Replace(os.Getenv("DATABASE_URL"), "postgresql+psycopg:", "postgres:", 1)
	database, err := sql.Open("postgres", url+"&sslmode=disable")
	if err != nil {
		log.Fatal(err)
	}
	database.SetMaxOpenConns(connections)
	database.SetMaxIdleConns(connections)
	statement, err := database.Prepare(insert)
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/callback", func(response http.ResponseWriter, request *http.Request) {
		receive(response, request, statement)
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}

// receive checks one callback, stores it, and answers.
func receive(response http.ResponseWriter, request *http.Request, statement *sql.Stmt) {
	receivedAt := time.Now().UTC()
	query := request.URL.Query()
	if query.Get("SdkAppid") != app || !isSigned(query.Get("Sign"), query.Get("RequestTime")) {
		reply(response, 403, answer{"FAIL", "not signed", 40302})
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(response, request.Body, maxBodyBytes))
	if err != nil {
		reply(response, 413, answer{"FAIL", "body: too large", 41301})
		return
	}
	verdict := "accepted"
	var parsed callback
	if json.Unmarshal(body, &parsed) != nil || parsed.CallbackCommand != query.Get("CallbackCommand") {
		verdict = "invalid"
	}
	peer, _, _ := net.SplitHostPort(request.RemoteAddr)
	_, err = statement.Exec(
		receivedAt, app, parsed.CallbackCommand, verdict, peer, request.URL.RawQuery, body)
	switch {
	case err != nil:
		log.Print(err)
		reply(response, 503, answer{"FAIL", "not stored", 50301})
	case verdict == "invalid":
		reply(response, 400, answer{"FAIL", "body: invalid", 40001})
	default:
		reply(response, 200, answer{"OK", "", 0})
	}
}

// isSigned checks signature and time.
func isSigned(sign, requestTime string) bool {
	digest := sha256.Sum256([]byte(token + requestTime))
	expected := hex.EncodeToString(digest[:])
	signedAt, err := strconv.ParseInt(requestTime, 10, 64)
	distance := time.Now().Unix() - signedAt
	return err == nil && distance <= tolerance && -distance <= tolerance &&
		subtle.ConstantTimeCompare([]byte(expected), []byte(sign)) == 1
}

// reply answers with Tencent's three fields.
func reply(response http.ResponseWriter, status int, answer answer) {
	response.Header().Set("Content-Type", "application/json")
	response.WriteHeader(status)
	_ = json.NewEncoder(response).Encode(answer)
}
