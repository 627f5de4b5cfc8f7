FROM scratch
CMD ["a\u0041", "\"q\"", "$HOME", "t\tb"]
ENTRYPOINT  [ "x" , "y" ]
