<?php // Send each file, a connection each: php send.php BASE PLAN
[, $base, $plan] = $argv;
foreach (file($plan, FILE_IGNORE_NEW_LINES) as $line) {
    [$path, $file] = explode("\t", $line);
    $http = ["method" => "POST", "content" => file_get_contents($file), "ignore_errors" => true,
             "header" => "Content-Type: application/x-www-form-urlencoded"];
    file_get_contents("http://$base$path", false, stream_context_create(["http" => $http]));
    echo explode(" ", $http_response_header[0])[1], "\n";
}
